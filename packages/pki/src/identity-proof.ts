import { type KeyObject, sign, verify, X509Certificate } from "node:crypto";
import {
  concatBytes,
  fromBase64Url,
  type Level,
  lengthPrefixed,
  TautlineError,
  toBase64Url,
} from "@tautline/protocol";
import { refuseWeakKey } from "./key-strength.ts";
import { frameMessage } from "./message-signature.ts";
import { schemeForKey } from "./signature-scheme.ts";

/** HTTP header in which an enrolled agent proves itself on a link that asked for no client certificate. */
export const PROOF_HEADER = "tautline-proof";
/** Value of that header by which an agent asks for a number to sign, where a link has nothing to bind a proof to. */
export const PROOF_CHALLENGE = "challenge";
/** What a proof's signature is for, and nothing else is. */
export const IDENTITY_PROOF_CONTEXT = "tautline/identity-proof/v1";

/** Characters of a proof: it travels in one HTTP header, of which Node takes 16 KiB together. */
export const LONGEST_PROOF = 8 * 1024;
/** Certificates of a proof: a leaf, an intermediate, and room for two more; the root is known. */
export const MOST_CERTIFICATES = 4;

const VERSION = 1;
const LENGTH_BYTES = 2;
const LONGEST_SIGNATURE = 512;

/** What is said by a proof: who, in which role, on which link. */
export interface ProofSubject {
  /** Another role signs other bytes, so a proof that comes back proves nobody (A23). */
  readonly role: "agent" | "central";
  readonly agentId: string;
  readonly trustDomain: string;
  readonly level: Level;
  /** What the two ends of the one connection share: exporter, handshake hash, or the number that central gave. */
  readonly binding: Uint8Array;
}

/** A proof as it travels; nothing of it is verified by reading it. */
export interface IdentityProof {
  /** Leaf first, at most `MOST_CERTIFICATES`. */
  readonly chain: readonly X509Certificate[];
  readonly signature: Uint8Array;
}

/**
 * Signs who this end is on one link.
 *
 * @param privateKey of the leaf
 * @param subject what is said
 * @throws pki.key_not_accepted
 */
export function signIdentity(privateKey: KeyObject, subject: ProofSubject): Buffer {
  refuseWeakKey(privateKey);
  return sign(schemeForKey(privateKey).hash, signedBytes(subject), privateKey);
}

/**
 * Tells whether a signature by `signIdentity` is right for this key and this subject; that the key is whose it should be,
 * `verifyChain` tells.
 *
 * @param publicKey of the leaf
 * @param subject what must have been said
 * @param signature as received
 */
export function isIdentitySignature(
  publicKey: KeyObject,
  subject: ProofSubject,
  signature: Uint8Array,
): boolean {
  return verify(schemeForKey(publicKey).hash, signedBytes(subject), publicKey, signature);
}

/**
 * Writes a proof as the value of its header: base64url of a version, a count, each certificate and the signature with a length of
 * two bytes before it.
 *
 * @param proof chain and signature
 * @throws pki.proof_malformed if it is longer than a header may be
 */
export function encodeIdentityProof({ chain, signature }: IdentityProof): string {
  if (chain.length === 0 || chain.length > MOST_CERTIFICATES)
    throw malformed(`it has not 1 to ${MOST_CERTIFICATES} certificates`);
  const parts = [...chain.map(({ raw }) => raw), signature].map((part) => sized(part));
  const text = toBase64Url(concatBytes(Uint8Array.of(VERSION, chain.length), ...parts));
  requireShort(text);
  return text;
}

/**
 * Reads a proof strictly: one encoding, no byte more.
 *
 * @param text value of the header
 * @throws pki.proof_malformed
 */
export function decodeIdentityProof(text: string): IdentityProof {
  requireShort(text);
  const reader = new PartReader(bytesOf(text));
  const [version, count] = [reader.byte(), reader.byte()];
  if (version !== VERSION) throw malformed("its version is not known here");
  if (count === 0 || count > MOST_CERTIFICATES)
    throw malformed(`it has not 1 to ${MOST_CERTIFICATES} certificates`);
  const chain = Array.from({ length: count }, () => certificateOf(reader.part()));
  const signature = reader.part();
  if (signature.length === 0 || signature.length > LONGEST_SIGNATURE) {
    throw malformed("its signature has no possible length");
  }
  reader.requireEnd();
  return { chain, signature };
}

/** Each text and the binding have their lengths before them: no two subjects give the same bytes. */
function signedBytes({ role, agentId, trustDomain, level, binding }: ProofSubject): Buffer {
  const texts = [role, agentId, trustDomain, level].map((text) => Buffer.from(text, "utf8"));
  const parts = [...texts, binding].map((part) => lengthPrefixed(part));
  return frameMessage(IDENTITY_PROOF_CONTEXT, concatBytes(...parts));
}

function sized(part: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(part.length >>> 8, part.length & 0xff), part);
}

class PartReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed("it ends too early");
    this.#at += 1;
    return byte;
  }

  part(): Uint8Array {
    const length = Array.from({ length: LENGTH_BYTES }, () => this.byte()).reduce(
      (whole, byte) => whole * 256 + byte,
      0,
    );
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    if (part.length < length) throw malformed("it ends too early");
    this.#at += length;
    return part;
  }

  requireEnd(): void {
    if (this.#at < this.#bytes.length) throw malformed("something stands after it");
  }
}

/** Node also takes PEM, and DER with something after it. */
function certificateOf(der: Uint8Array): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (cause) {
    throw malformed("a certificate of it is none", cause);
  }
  if (certificate.raw.equals(der)) return certificate;
  throw malformed("a certificate of it is not in its one encoding");
}

function bytesOf(text: string): Uint8Array {
  try {
    return fromBase64Url(text);
  } catch (cause) {
    throw malformed("it is not base64url", cause);
  }
}

function requireShort(text: string): void {
  if (text.length > LONGEST_PROOF) throw malformed(`it has more than ${LONGEST_PROOF} characters`);
}

function malformed(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("pki.proof_malformed", { cause, detail: { reason } });
}
