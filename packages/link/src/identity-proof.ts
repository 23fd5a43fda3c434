import {
  certificatesFromPem,
  encodeIdentityProof,
  importPrivateKey,
  PROOF_CHALLENGE,
  PROOF_HEADER,
  readProofChallenge,
  signIdentity,
  spiffeIdOf,
} from "@tautline/pki";
import { type Level, parseSpiffeId, TautlineError } from "@tautline/protocol";
import { postMessage } from "./http-post.ts";
import { refusalFromAnswer } from "./refusal.ts";
import type { SecuredSocket } from "./secured-socket.ts";

/** Headers of an HTTP request. */
type Headers = Readonly<Record<string, string>>;

/** The agent that proves itself. */
export interface ProvenAgent {
  /** PEM, leaf first. */
  readonly chainPem: string;
  /** PKCS#8 in PEM. */
  readonly keyPem: string;
  readonly trustDomain: string;
}

/** On which link it does. */
export interface ProofSpot {
  readonly level: Level;
  /** What the two ends of the one connection share; the number that central gave where they share nothing. */
  readonly binding: Uint8Array;
}

/** Where central is asked for a number, on plaintext. */
export interface ProofQuestion {
  /** "host:port". */
  readonly address: string;
  /** Of the HTTP resource. */
  readonly path: string;
  readonly signal: AbortSignal;
}

const NO_HEADERS: Headers = {};
const NO_BODY = new Uint8Array();
const LARGEST_ANSWER_BYTES = 64 * 1024;

/**
 * Makes the header by which an agent proves its identity on a link below mtls. It is good on that one connection alone.
 *
 * @param who identity and key
 * @param spot the link
 * @throws pki.*
 */
export function proofHeader(
  { chainPem, keyPem, trustDomain }: ProvenAgent,
  { level, binding }: ProofSpot,
): Headers {
  const chain = certificatesFromPem(chainPem);
  const [leaf] = chain;
  const who = parseSpiffeId((leaf && spiffeIdOf(leaf)) ?? "");
  const agentId = who.kind === "agent" ? who.agentId : "";
  const subject = { role: "agent", agentId, trustDomain, level, binding } as const;
  const signature = signIdentity(importPrivateKey(keyPem), subject);
  return { [PROOF_HEADER]: encodeIdentityProof({ chain, signature }) };
}

/**
 * Gives the headers that prove this end's identity on a link; none where there is nothing to prove, or the handshake did.
 * On plaintext it asks central for a number on the same connection first.
 *
 * @param link that was dialled
 * @param question where to ask, and what calls it off
 * @throws link.refused, link.broken, link.timeout, link.cancelled, link.answer_malformed, link.unproven_level
 */
export async function proofFor(
  link: SecuredSocket,
  { address, path, signal }: ProofQuestion,
): Promise<Headers> {
  const { prove, evidence, socket } = link;
  if (prove === undefined) return NO_HEADERS;
  const { level } = evidence;
  const binding = link.binding?.();
  if (binding !== undefined) return prove(binding);
  if (level !== "plaintext") {
    const reason = "it has nothing to bind a proof of identity to";
    throw new TautlineError("link.unproven_level", { detail: { address, level, reason } });
  }
  const answer = await postMessage({
    socket,
    path,
    host: address,
    headers: { [PROOF_HEADER]: PROOF_CHALLENGE, "Content-Type": "application/x-protobuf" },
    body: NO_BODY,
    maxBytes: LARGEST_ANSWER_BYTES,
    signal,
  });
  const nonce = readProofChallenge(answer.headers["www-authenticate"]);
  if (answer.status !== 401 || nonce === undefined) throw refusalFromAnswer(answer, address);
  return prove(nonce);
}

/**
 * The same; a link on which nothing can be proven is of no use, and is closed.
 *
 * @throws as `proofFor`
 */
export async function provenOrClosed(
  link: SecuredSocket,
  question: ProofQuestion,
): Promise<Headers> {
  try {
    return await proofFor(link, question);
  } catch (error) {
    link.socket.destroy();
    throw error;
  }
}
