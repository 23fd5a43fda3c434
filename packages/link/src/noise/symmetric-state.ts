import { createHash, createHmac } from "node:crypto";
import { type CipherState, createCipherState } from "./cipher-state.ts";

/** What a handshake has come to so far: everything said is hashed, every secret is mixed in (Noise revision 34, section 5.2). */
export interface SymmetricState {
  mixHash(data: Uint8Array): void;
  mixKey(material: Uint8Array): void;
  mixKeyAndHash(material: Uint8Array): void;
  /** Seals under the key so far, bound to all that was said; in clear before there is a key. */
  encryptAndHash(plaintext: Uint8Array): Buffer;
  /** @throws link.noise_refused */
  decryptAndHash(sealed: Uint8Array): Buffer;
  /** The hash of all that was said: the same at both ends, and at no others (section 11.2, channel binding). */
  handshakeHash(): Buffer;
  /** The keys of the two directions: what the initiator sends, then what the responder sends. */
  split(): readonly [CipherState, CipherState];
}

const HASH_BYTES = 32;

/**
 * Begins a handshake with SHA-256 and AES-256-GCM.
 *
 * @param protocolName such as `Noise_NNpsk0_25519_AESGCM_SHA256`
 */
export function createSymmetricState(protocolName: string): SymmetricState {
  const name = Buffer.from(protocolName, "ascii");
  let hash: Buffer =
    name.length <= HASH_BYTES
      ? Buffer.concat([name, Buffer.alloc(HASH_BYTES - name.length)])
      : createHash("sha256").update(name).digest();
  let chaining: Buffer = hash;
  let cipher: CipherState | undefined;
  const mixHash = (data: Uint8Array): void => {
    hash = createHash("sha256").update(hash).update(data).digest();
  };
  return {
    mixHash,
    mixKey: (material) => {
      const [next, key] = expand(chaining, material);
      chaining = next;
      cipher = createCipherState(key);
    },
    mixKeyAndHash: (material) => {
      const [next, tempHash, key] = expand(chaining, material);
      chaining = next;
      mixHash(tempHash);
      cipher = createCipherState(key);
    },
    encryptAndHash: (plaintext) => {
      const sealed = cipher === undefined ? [plaintext] : cipher.seal(plaintext, hash);
      const whole = Buffer.concat(sealed);
      mixHash(whole);
      return whole;
    },
    decryptAndHash: (sealed) => {
      const opened = cipher === undefined ? Buffer.from(sealed) : cipher.open(sealed, hash);
      mixHash(sealed);
      return opened;
    },
    handshakeHash: () => Buffer.from(hash),
    split: () => {
      const [sent, received] = expand(chaining, Buffer.alloc(0));
      return [createCipherState(sent), createCipherState(received)];
    },
  };
}

/** The HKDF of section 4.3; a caller that needs two outputs leaves the third, which costs one HMAC. */
function expand(chaining: Uint8Array, material: Uint8Array): [Buffer, Buffer, Buffer] {
  const temporary = hmac(chaining, material);
  const first = hmac(temporary, Uint8Array.of(1));
  const second = hmac(temporary, first, Uint8Array.of(2));
  const third = hmac(temporary, second, Uint8Array.of(3));
  return [first, second, third];
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
