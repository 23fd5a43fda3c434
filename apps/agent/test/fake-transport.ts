import {
  decodeAgentToServer,
  encodeServerToAgent,
  LIMITS,
  type AgentToServer,
  type LinkEvidence,
  type TautlineError,
} from "@tautline/protocol";
import type { StandInAnswer } from "@tautline/testing";
import type { ControlTransport, TransportEvents } from "../src/control/transport.ts";

/** Evidence of a link at level mtls. */
export const sampleEvidence: LinkEvidence = {
  level: "mtls",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  group: "X25519MLKEM768",
  pq: true,
  serverProven: true,
  clientProven: true,
  forwardSecret: true,
  peerId: "spiffe://fleet.test/central",
  peerSerial: "01",
  keyId: null,
  since: "2026-01-01T00:00:00.000Z",
};

/** A transport without a network: the test is the other end. */
export interface FakeTransport extends ControlTransport {
  readonly sent: AgentToServer[];
  readonly isClosed: boolean;
  /** Lets a message arrive. */
  deliver(answer: StandInAnswer | Uint8Array): void;
  /** Lets the link break. */
  break(error?: TautlineError): void;
}

/**
 * Makes the transport that a session is given.
 *
 * @param events the session's
 * @param address shown by the transport
 */
export function createFakeTransport(
  events: TransportEvents,
  address = "central.example:9150",
): FakeTransport {
  const sent: AgentToServer[] = [];
  let isClosed = false;
  return {
    address,
    evidence: sampleEvidence,
    sent,
    get isClosed() {
      return isClosed;
    },
    send: (bytes) => void sent.push(decodeAgentToServer(bytes, LIMITS.opampMessageBytes.value)),
    close: () => {
      isClosed = true;
      return Promise.resolve();
    },
    deliver: (answer) =>
      events.onMessage(answer instanceof Uint8Array ? answer : encodeServerToAgent(answer)),
    break: (error) => events.onClosed(error),
  };
}
