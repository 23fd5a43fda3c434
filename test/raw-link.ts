import { once } from "node:events";
import type { Duplex } from "node:stream";
import { connect } from "node:net";
import { randomBytes } from "node:crypto";
import {
  basicPsk,
  type CryptoChoice,
  dialAdvanced,
  dialBasic,
  openWebSocket,
} from "@tautline/link";
import {
  agentIdToBytes,
  AgentCapability,
  encodeAgentToServer,
  encodeFrame,
  type KeyIdentity,
  type LinkEvidence,
  makeAgentId,
} from "@tautline/protocol";

const TIMEOUT_MS = 30_000;
const MAX_MESSAGE_BYTES = 1_048_577;

/** A link of an agent without an identity that the test's own process holds. */
export interface RawLink {
  /** The agent's id. */
  readonly id: string;
  readonly evidence: LinkEvidence | undefined;
  readonly isOpen: () => boolean;
  /** Resolves with the code of the close. */
  readonly closed: Promise<number>;
  /** Says one heartbeat and waits for central's answer; rejects where the link is closed instead. */
  answer(): Promise<void>;
  end(): void;
}

/** Whom to dial, at which level, and with which key. */
export interface RawDial {
  readonly port: number;
  readonly level: "basic" | "advanced";
  readonly key: KeyIdentity;
  readonly sharedKey: Uint8Array;
  readonly id?: string;
  readonly crypto?: CryptoChoice;
}

/**
 * Opens a link as an agent without an identity would, up to the first answer.
 *
 * @param dial whom and how
 */
export async function openRawLink(dial: RawDial): Promise<RawLink> {
  const {
    port,
    level,
    key,
    sharedKey,
    crypto,
    id = makeAgentId(Date.now(), randomBytes(10)),
  } = dial;
  const host = "127.0.0.1";
  const tcp = connect({ port, host, allowHalfOpen: true, noDelay: true });
  await once(tcp, "connect");
  const address = `${host}:${port}`;
  const how = { key, isBound: false, address, timeoutMs: TIMEOUT_MS, now: Date.now };
  const { stream, evidence } =
    level === "basic"
      ? await dialBasic(tcp, { ...how, psk: basicPsk(sharedKey) })
      : await dialAdvanced(tcp, { ...how, host, sharedKey, crypto });
  return speakRaw(stream, { id, address, evidence });
}

/**
 * Speaks OpAMP on a secured stream as an agent without an identity would, up to the first answer.
 *
 * @param socket secured
 * @param who the agent, what it dialled, and what its end knows of the link
 */
export async function speakRaw(
  socket: Duplex,
  { id, address, evidence }: Pick<RawLink, "id" | "evidence"> & { readonly address: string },
): Promise<RawLink> {
  const upgrade = { path: "/v1/opamp", host: address, headers: {} };
  const websocket = await openWebSocket({
    ...upgrade,
    socket,
    maxMessageBytes: MAX_MESSAGE_BYTES,
  });
  const closed = new Promise<number>((resolve) => websocket.once("close", resolve));
  let sequence = 0n;
  const answer = async (): Promise<void> => {
    const heard = once(websocket, "message").then(() => true);
    sequence += 1n;
    const message = {
      instanceUid: agentIdToBytes(id),
      sequenceNum: sequence,
      capabilities: AgentCapability.ReportsStatus,
    };
    websocket.send(encodeFrame(encodeAgentToServer(message)));
    const isAnswered = await Promise.race([heard, closed.then(() => false)]);
    if (!isAnswered) throw new Error(`the link of ${id} was closed`);
  };
  await answer();
  return {
    id,
    evidence,
    closed,
    answer,
    isOpen: () => websocket.readyState === websocket.OPEN,
    end: () => websocket.terminate(),
  };
}
