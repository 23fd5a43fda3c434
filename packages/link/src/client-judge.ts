import type { X509Certificate } from "node:crypto";
import {
  type ChainVerdict,
  type ExpectedName,
  type IsRevoked,
  spkiPin,
  verifyChain,
} from "@tautline/pki";
import { TautlineError, parseSpiffeId } from "@tautline/protocol";
import type { ProvenPeer } from "./tls-evidence.ts";

/**
 * By what a proven certificate is known for good: its issuer's key and its serial, and its own key. Never by its bytes, for an
 * ECDSA signature can be written in two ways (A17). Pins are SHA-256 of the SPKI, lower-case hex.
 */
export interface CertificateMark {
  readonly issuerPin: string;
  /** Lower-case hex. */
  readonly serial: string;
  readonly keyPin: string;
}

/**
 * Whose certificate a refused client showed, where nothing was wrong with it but that its end has passed: the handshake proved
 * its key. It is no evidence of a link; it only says who may be asked about renewal (F5).
 */
export interface LapsedPeer extends ProvenPeer {
  /** Milliseconds since 1970. */
  readonly expiredAtMs: number;
  readonly mark?: CertificateMark;
}

/**
 * Whose certificate a refused client showed, where our own authority issued it for a program: it names hosts and is no identity of this
 * fleet, and nothing else was wrong with it.
 */
export interface ProgramPeer {
  /** Lower-case hex. */
  readonly peerSerial: string;
  /** When it ends; milliseconds since 1970. */
  readonly expiresAtMs: number;
  readonly mark: CertificateMark;
}

/**
 * A client with a certificate of an existing PKI that this port accepts: its key is proven, and it has no identity in this fleet.
 * Its authority could certify any name, so `subject` is for people and decides nothing.
 */
export interface ForeignPeer {
  /** The distinguished name on one line; as the other PKI wrote it, so to be shown as hostile text. */
  readonly subject: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** SHA-256 of its SPKI, lower-case hex: by this and nothing else it is the same client again. */
  readonly keyPin: string;
  /** When its certificate ends; milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** What central makes of the certificate a client showed. */
export type ClientVerdict =
  | ({ readonly level: "mtls"; readonly mark?: CertificateMark } & ProvenPeer)
  | { readonly level: "mtls"; readonly foreign: ForeignPeer }
  | { readonly level: "tls" }
  | {
      readonly refuse: TautlineError;
      readonly lapsed?: LapsedPeer;
      readonly program?: ProgramPeer;
    };

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
 * Makes the judge for agents: no certificate is level `tls`, an agent's valid one is `mtls`, anything else is refused; of a program's
 * it says so, for those who take calls of programs.
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
    const judged = judgeAt(options.now(), { leaf, intermediates }, options);
    if (!("refuse" in judged)) return { level: "mtls", ...judged };
    if (judged.refuse.code === "pki.chain_wrong_name") {
      const program = judgeProgram(options.now(), { leaf, intermediates }, options);
      return program === undefined ? judged : { ...judged, program };
    }
    if (judged.refuse.code !== "pki.chain_expired") return judged;
    // Refused all the same. Who it was is what the certificate proved at its last moment, by all the other rules.
    const expiredAtMs = leaf.validToDate.getTime();
    const atEnd = judgeAt(expiredAtMs, { leaf, intermediates }, options);
    return "refuse" in atEnd ? judged : { ...judged, lapsed: { ...atEnd, expiredAtMs } };
  };
}

type JudgedPeer = ProvenPeer & { readonly mark: CertificateMark };

interface Shown {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
}

type JudgeOptions = Parameters<typeof createClientJudge>[0];

/** By the same rules, but that it names nobody. */
function judgeProgram(atMs: number, shown: Shown, options: JudgeOptions): ProgramPeer | undefined {
  const verdict = verifyAt(atMs, shown, options, {});
  if (!verdict.ok || verdict.spiffeId !== null) return undefined;
  const expiresAtMs = shown.leaf.validToDate.getTime();
  return { peerSerial: verdict.serial, expiresAtMs, mark: markOf(verdict) };
}

function verifyAt(
  atMs: number,
  { leaf, intermediates }: Shown,
  { roots, isRevoked }: JudgeOptions,
  expect: ExpectedName,
): ChainVerdict {
  return verifyChain({
    leaf,
    intermediates: [...intermediates],
    roots: [...roots()],
    at: new Date(atMs),
    purpose: "client",
    expect,
    isRevoked,
  });
}

function markOf({ path, serial }: Extract<ChainVerdict, { ok: true }>): CertificateMark {
  const [keyPin = "", issuerPin = ""] = path.map((each) => spkiPin(each).toString("hex"));
  return { issuerPin, serial, keyPin };
}

function judgeAt(
  atMs: number,
  shown: Shown,
  options: JudgeOptions,
): JudgedPeer | { readonly refuse: TautlineError } {
  const { leaf } = shown;
  const verdict = verifyAt(atMs, shown, options, { kind: "agent" });
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
  return { peerId: verdict.spiffeId, peerSerial: verdict.serial, mark: markOf(verdict) };
}
