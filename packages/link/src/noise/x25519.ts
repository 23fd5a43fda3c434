import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** Bytes of a public key and of a shared secret (RFC 7748). */
export const X25519_BYTES = 32;
/** What stands before the 32 bytes of a key in its DER (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");
const PKCS8_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");

/** A key pair of one handshake. */
export interface EphemeralKey {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicBytes: Buffer;
}

/** Makes a key pair that lives for one handshake. */
export function createEphemeralKey(): EphemeralKey {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  return { privateKey, publicBytes: rawPublic(publicKey) };
}

/**
 * Reads a private key, as published test vectors write it.
 *
 * @param raw 32 bytes
 */
export function importEphemeralKey(raw: Uint8Array): EphemeralKey {
  const key = Buffer.concat([PKCS8_PREFIX, raw]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  return { privateKey, publicBytes: rawPublic(createPublicKey(privateKey)) };
}

/**
 * Agrees on a secret with the other end's public key.
 *
 * @param own this end's key
 * @param theirs 32 bytes
 * @returns 32 bytes
 * @throws link.noise_refused for a point of small order, whose secret everybody knows (RFC 7748 section 6.1)
 */
export function agree(own: EphemeralKey, theirs: Uint8Array): Buffer {
  const key = Buffer.concat([SPKI_PREFIX, theirs]);
  try {
    const publicKey = createPublicKey({ key, format: "der", type: "spki" });
    return diffieHellman({ privateKey: own.privateKey, publicKey });
  } catch (cause) {
    const reason = "its public key is none that a secret can be agreed with";
    throw new TautlineError("link.noise_refused", { cause, detail: { reason } });
  }
}

function rawPublic(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length);
}
