/* Equipment: keys on a real database, with links and connections that are only noted. No tests of its own. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { createLog } from "@tautline/daemon";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import type { TokenCaller } from "../control/caller.ts";
import type { LiveLink } from "../control/live-links.ts";
import { createOpenConnections, type OpenConnections } from "../control/open-connections.ts";
import { type Core, makeToken } from "../fixture-core.test.ts";
import type { KeyUse } from "./key-ring.ts";
import { createKeys, type Keys, openKeyRing, type OpenedRing } from "./keys.ts";

export const ACTOR = "operator:ana";
export const AGENT_A = "0197d3b1-7c00-7abc-8def-0123456789aa";
export const AGENT_B = "0197d3b1-7c00-7abc-8def-0123456789bb";

/** One process on a database that others may write to as well. */
export interface KeyProcess extends OpenedRing, Keys {
  readonly connections: OpenConnections;
  readonly links: LiveLink[];
  /** What was ended, and why. */
  readonly ended: string[];
}

/** Starts a process with every key that there is. */
export async function startProcess({ store, vault, audit, clock }: Core): Promise<KeyProcess> {
  const log = createLog("central", "error", { write: () => {} });
  const opened = { store, vault, audit, log, now: clock.now };
  const ring = await openKeyRing(opened);
  const connections = createOpenConnections();
  const links: LiveLink[] = [];
  const keys = createKeys({ ...opened, ...ring, connections, live: { all: () => links } });
  return { ...ring, ...keys, connections, links, ended: [] };
}

/** How an agent used a key. */
export function useBy(agentId: string, changes: Partial<KeyUse> = {}): KeyUse {
  return { agentId, level: "basic", remoteAddress: "192.0.2.7", ...changes };
}

/** What is known of a link that a version opened. */
export function keyedEvidence(keyId: string | null): LinkEvidence {
  return {
    level: keyId === null ? "plaintext" : "basic",
    protocol: null,
    cipher: null,
    group: null,
    pq: false,
    serverProven: false,
    clientProven: false,
    forwardSecret: true,
    peerId: null,
    peerSerial: null,
    keyId,
    since: "2026-11-28T00:00:00Z",
  };
}

/** Puts a polling link into a process. */
export function openLink(
  { links, ended }: KeyProcess,
  keyId: string | null,
  name = keyId ?? "plain",
): void {
  links.push({
    id: name,
    agentId: AGENT_A,
    namespace: "default",
    transport: "polling",
    remoteAddress: "::1",
    evidence: keyedEvidence(keyId),
    push: async () => {},
    end: ({ code }: TautlineError) => void ended.push(`${name} ${code}`),
  });
}

/** A socket as far as a table of connections looks at it. */
class FakeSocket extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

/** Lets a joining caller in over a version of a key. */
export async function connect(core: Core, here: KeyProcess, keyId: string): Promise<void> {
  const { tokenId, secret } = await makeToken(core);
  const token = await core.tokens.prove(tokenId, secret);
  const evidence = keyedEvidence(keyId);
  const caller: TokenCaller = { kind: "token", token, evidence, remoteAddress: "::1" };
  const socket = new FakeSocket();
  const arriving = { socket: socket as unknown as Socket, kind: "control" } as const;
  await here.connections.admit(arriving, () => Promise.resolve(caller));
  const end = ({ code }: TautlineError): void => {
    here.ended.push(`connection ${keyId} ${code}`);
    socket.destroy();
  };
  here.connections.giveVoice(caller, { agentId: () => undefined, end });
}
