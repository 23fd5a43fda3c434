import { postMessage, refusalFromAnswer } from "@tautline/link";
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
import type { AgentIdentity, AgentKeys } from "../settings/agent-state.ts";
import { OPAMP_PATH } from "./opamp-path.ts";
import type { Dial, SecuredSocket } from "./transport.ts";

/** Headers of an HTTP request. */
type Headers = Readonly<Record<string, string>>;

/** Who proves itself, and on which link. */
export interface ProofOptions {
  readonly identity: Pick<AgentIdentity, "clientChainPem" | "trustDomain">;
  readonly keys: Pick<AgentKeys, "client">;
  readonly level: Level;
  /** What the two ends of the one connection share; the number that central gave where they share nothing. */
  readonly binding: Uint8Array;
}

const NO_HEADERS: Headers = {};
const NO_BODY = new Uint8Array();
const LARGEST_ANSWER_BYTES = 64 * 1024;

/**
 * Makes the header by which this agent proves its identity on a link below mtls. It is good on that one connection alone.
 *
 * @param options identity, keys and link
 * @throws pki.*
 */
export function proofHeader({ identity, keys, level, binding }: ProofOptions): Headers {
  const { clientChainPem, trustDomain } = identity;
  const chain = certificatesFromPem(clientChainPem);
  const [leaf] = chain;
  const who = parseSpiffeId((leaf && spiffeIdOf(leaf)) ?? "");
  const agentId = who.kind === "agent" ? who.agentId : "";
  const subject = { role: "agent", agentId, trustDomain, level, binding } as const;
  const signature = signIdentity(importPrivateKey(keys.client), subject);
  return { [PROOF_HEADER]: encodeIdentityProof({ chain, signature }) };
}

/**
 * Makes a dial whose links below mtls can prove this agent's identity; at mtls the handshake did.
 *
 * @param dial reaches central
 * @param who identity and keys
 */
export function provingDial(dial: Dial, who: Pick<ProofOptions, "identity" | "keys">): Dial {
  return async (address, signal) => {
    const link = await dial(address, signal);
    const { level } = link.evidence;
    if (level === "mtls") return link;
    return { ...link, prove: (binding) => proofHeader({ ...who, level, binding }) };
  };
}

/**
 * Gives the headers that prove this agent's identity on a link; none where there is nothing to prove, or the handshake did.
 * On plaintext it asks central for a number on the same connection first.
 *
 * @param link that was dialled
 * @param address "host:port", for the request
 * @param signal calls it off
 * @throws link.refused, link.broken, link.timeout, link.cancelled, link.answer_malformed, link.unproven_level
 */
export async function proofFor(
  link: SecuredSocket,
  address: string,
  signal: AbortSignal,
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
    path: OPAMP_PATH,
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

/** The same; a link on which nothing can be proven is of no use, and is closed. */
export async function provenOrClosed(
  link: SecuredSocket,
  address: string,
  signal: AbortSignal,
): Promise<Headers> {
  try {
    return await proofFor(link, address, signal);
  } catch (error) {
    link.socket.destroy();
    throw error;
  }
}
