import type { Duplex } from "node:stream";
import type { CertificateMark, ForeignPeer, LapsedPeer, SecuredProgram } from "@tautline/link";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import type { LiveKey } from "../keys/key-ring.ts";

/** Central's ports that agents dial. */
export type AgentsPortName = "agents" | "plaintext";

/** Central's ports for telemetry. */
export type ReceiverPortName = "receiver" | "receiver-plaintext";

/** What is known of a connection before its first request, whatever secured it. */
export interface SecuredConnection {
  readonly listener: AgentsPortName | ReceiverPortName;
  readonly evidence: LinkEvidence;
  /** Without a port. */
  readonly remoteAddress: string;
  /** The version of a shared key that was proven; undefined where the level has none. */
  readonly key?: LiveKey | undefined;
  /** Why its client certificate was not accepted, if it showed one. */
  readonly refusal?: TautlineError | undefined;
  /** Whose that certificate was, if nothing but its end spoke against it. */
  readonly lapsed?: LapsedPeer | undefined;
  /** Which program showed a certificate of ours, which the control link refuses and the receiver may take. */
  readonly program?: SecuredProgram | undefined;
  /** Whose certificate of an existing PKI was proven: a client without an identity in this fleet. */
  readonly foreign?: ForeignPeer | undefined;
  /** By what the certificate is known whose chain was proven. */
  readonly mark?: CertificateMark | undefined;
  /** 32 bytes that the two ends of this connection share and nobody else knows; undefined on plaintext. */
  readonly binding: () => Buffer | undefined;
}

const connections = new WeakMap<Duplex, SecuredConnection>();

/**
 * Notes what a stream is before a protocol is served on it.
 *
 * @param stream what HTTP is served on
 * @param connection what is known of it
 */
export function noteSecured(stream: Duplex, connection: SecuredConnection): void {
  connections.set(stream, connection);
}

/** What was noted of a stream; undefined for one that no listener of agents secured. */
export function securedOf(stream: Duplex): SecuredConnection | undefined {
  return connections.get(stream);
}
