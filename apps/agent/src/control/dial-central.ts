import {
  dialMutual,
  dialPinned,
  parseHostPort,
  type DialledLink,
  type DialOptions,
  type HostPort,
  type Proxy,
} from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import { compareLevels, fromBase64Url, TautlineError, type Level } from "@tautline/protocol";
import type { AgentIdentity, AgentKeys, JoinTicket } from "../settings/agent-state.ts";
import type { Dial } from "./transport.ts";

/** Port of central's agents listener where an address names none (QM-4). */
export const AGENTS_PORT = 9150;

/** What every dial needs beside the address. */
export interface DialLimits {
  readonly timeoutMs: number;
  readonly now: () => number;
  /** The proxy to ask for an address; undefined dials it directly. */
  readonly proxyFor?: (target: HostPort) => Proxy | undefined;
}

/**
 * Dials by the pin of a join token (level `tls`); used only before the join.
 *
 * @param ticket what the token said
 * @param limits time
 */
export function pinnedDial(ticket: JoinTicket, limits: DialLimits): Dial {
  const pins = ticket.pins.map(fromBase64Url);
  return async (address, signal) => {
    const { trustDomain } = ticket;
    const link = await dialPinned({ ...wayTo(address, limits), pins, trustDomain, signal });
    return refuseBelow("tls", address, link);
  };
}

/**
 * Dials with the agent's own certificate (level `mtls`); the only way this agent reaches central once it has an identity.
 *
 * @param identity what central granted
 * @param keys the agent's own
 * @param floor from the agent's local settings
 * @param limits time
 */
export function mutualDial(
  identity: AgentIdentity,
  keys: AgentKeys,
  floor: Level,
  limits: DialLimits,
): Dial {
  const roots = certificatesFromPem(identity.rootsPem);
  const own = { keyPem: keys.client, chainPem: identity.clientChainPem };
  const { trustDomain } = identity;
  return async (address, signal) => {
    const way = wayTo(address, limits);
    const link = await dialMutual({ ...way, roots, identity: own, trustDomain, signal });
    return refuseBelow(floor, address, link);
  };
}

function wayTo(
  address: string,
  { timeoutMs, now, proxyFor }: DialLimits,
): Pick<DialOptions, "host" | "port" | "proxy" | "timeoutMs" | "now"> {
  const target = parseHostPort(address, AGENTS_PORT);
  return { ...target, proxy: proxyFor?.(target), timeoutMs, now };
}

/** The dialler promises the level; that it is kept is checked once more where it matters. */
function refuseBelow(floor: Level, address: string, link: DialledLink): DialledLink {
  const { level, serverProven } = link.evidence;
  if (serverProven && compareLevels(level, floor) >= 0) return link;
  link.socket.destroy();
  throw new TautlineError("agent.below_floor", { detail: { address, level, floor } });
}
