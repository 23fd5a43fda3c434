import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { refuseWeakKey, usualSpki } from "./key-strength.ts";
import { splitPem } from "./pem.ts";
import { schemeForKey } from "./signature-scheme.ts";

/** The kinds of key that Tautline makes: P-256 for certificates (FIPS 186-5), Ed25519 for messages (RFC 8032). */
export type KeyKind = "p256" | "ed25519";

/** Both halves of a key. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/**
 * Makes a new key pair from the operating system's randomness.
 *
 * @param kind "p256" or "ed25519"
 */
export function createKeyPair(kind: KeyKind): KeyPair {
  return kind === "p256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("ed25519");
}

/**
 * Formats a private key as unencrypted PKCS#8 in PEM (RFC 5958); whoever stores it seals it first.
 *
 * @param key a private key
 */
export function exportPrivateKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" });
}

/**
 * Reads one unencrypted private key.
 *
 * @param pem one PEM block of PKCS#8, SEC 1 or PKCS#1
 * @returns the private key
 * @throws pki.pem_malformed, pki.key_malformed, pki.key_not_accepted
 */
export function importPrivateKey(pem: string): KeyObject {
  const key = importKey(pem, / ?PRIVATE KEY$/, "private", createPrivateKey);
  refuseWeakKey(key);
  if (!isWhole(key)) throw malformedKey("its private and its public half do not belong together");
  return key;
}

/**
 * Formats a public key as SPKI in PEM (RFC 7468 section 13).
 *
 * @param key a public key
 */
export function exportPublicKey(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" });
}

/**
 * Reads one public key; a private key or a certificate in its place is refused, though Node would derive the public half.
 *
 * @param pem one PEM block "PUBLIC KEY"
 * @returns the public key
 * @throws pki.pem_malformed, pki.key_malformed, pki.key_not_accepted
 */
export function importPublicKey(pem: string): KeyObject {
  const key = importKey(pem, /^PUBLIC KEY$/, "public", createPublicKey);
  refuseWeakKey(key);
  return key;
}

/**
 * Gives the pin of a key: SHA-256 over its SubjectPublicKeyInfo in DER (RFC 7469 section 2.4).
 *
 * @param source a public or private key, or a certificate
 * @returns 32 bytes
 */
export function spkiPin(source: KeyObject | X509Certificate): Buffer {
  return createHash("sha256").update(encodeSpki(source)).digest();
}

/**
 * Encodes the public half of a key as SubjectPublicKeyInfo in DER (RFC 5280 section 4.1).
 *
 * @param source a public or private key, or a certificate
 */
export function encodeSpki(source: KeyObject | X509Certificate): Buffer {
  const key = source instanceof X509Certificate ? source.publicKey : source;
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return usualSpki(publicKey) ?? publicKey.export({ type: "spki", format: "der" });
}

/** OpenSSL reads a private key whose stored public half is another key's, and then signs what nobody can verify. */
function isWhole(key: KeyObject): boolean {
  const { hash } = schemeForKey(key);
  const probe = Buffer.from("tautline");
  try {
    return verify(hash, probe, createPublicKey(key), sign(hash, probe, key));
  } catch {
    return false;
  }
}

function importKey(
  pem: string,
  label: RegExp,
  half: "private" | "public",
  create: (pem: string) => KeyObject,
): KeyObject {
  const [block, ...others] = splitPem(pem);
  const found = block === undefined ? "" : (/^-----BEGIN (.*)-----/.exec(block)?.[1] ?? "");
  if (block === undefined || others.length > 0 || !label.test(found)) {
    throw malformedKey(`expected exactly one PEM block with a ${half} key`);
  }
  try {
    return create(block);
  } catch (cause) {
    // OpenSSL's reason is a parser's, never the key's content.
    throw malformedKey(`it is not an unencrypted ${half} key`, cause);
  }
}

function malformedKey(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("pki.key_malformed", { detail: { reason }, cause });
}
