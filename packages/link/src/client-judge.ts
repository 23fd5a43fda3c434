import type { X509Certificate } from "node:crypto";
import { verifyChain, type IsRevoked } from "@tautline/pki";
import { TautlineError, parseSpiffeId } from "@tautline/protocol";
import type { ProvenPeer } from "./tls-evidence.ts";

/** What central makes of the certificate a client showed. */
export type ClientVerdict =
  | ({ readonly level: "mtls" } & ProvenPeer)
  | { readonly level: "tls" }
  | { readonly refuse: TautlineError };

/**
 * Judges a client by the certificates it showed.
 *
 * @param leaf `undefined` where it showed none
 * @param intermediates what it sent besides, nearest to the leaf first; not yet checked
 */
export type JudgeClient = (
  leaf: X509Certificate | undefined,
  intermediates: readonly X509Certificate[],
) => ClientVerdict;

/**
 * Makes the judge for agents: no certificate is level `tls`, an agent's valid one is `mtls`, anything else is refused.
 *
 * @param options `roots` and `isRevoked` are asked at every connection, so a change counts at once (SW-11); `now` in ms since 1970
 */
export function createClientJudge(options: {
  readonly trustDomain: string;
  readonly roots: () => readonly X509Certificate[];
  readonly isRevoked: IsRevoked;
  readonly now: () => number;
}): JudgeClient {
  return (leaf, intermediates) => {
    if (leaf === undefined) {
      return { level: "tls" };
    }
    const verdict = verifyChain({
      leaf,
      intermediates: [...intermediates],
      roots: [...options.roots()],
      at: new Date(options.now()),
      purpose: "client",
      expect: { kind: "agent" },
      isRevoked: options.isRevoked,
    });
    if (!verdict.ok) {
      return { refuse: verdict.error };
    }
    if (
      verdict.spiffeId === null ||
      parseSpiffeId(verdict.spiffeId).trustDomain !== options.trustDomain
    ) {
      const reason = `it is not of trust domain '${options.trustDomain}'`;
      const detail = { subject: leaf.subject, reason };
      return { refuse: new TautlineError("pki.chain_wrong_name", { detail }) };
    }
    return { level: "mtls", peerId: verdict.spiffeId, peerSerial: verdict.serial };
  };
}
