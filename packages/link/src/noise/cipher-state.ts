import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** Bytes that AES-GCM adds to each message. */
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
/** Noise ends at 2^64 - 1; a double counts exactly to 2^53, and nobody comes near either. */
const LAST_NONCE = Number.MAX_SAFE_INTEGER;
const CIPHER = "aes-256-gcm";

/** A key that seals or opens messages in their order: each takes the next nonce (Noise revision 34, section 5.1). */
export interface CipherState {
  /**
   * Seals one message.
   *
   * @param plaintext any number of bytes
   * @param associated bound to it, not sent
   * @returns ciphertext and tag as they go on the wire
   * @throws link.noise_exhausted
   */
  seal(plaintext: Uint8Array, associated?: Uint8Array): [body: Buffer, tag: Buffer];
  /**
   * Opens one message.
   *
   * @param sealed ciphertext followed by the tag
   * @throws link.noise_refused if it is not what the other end sealed as its next one; the nonce does not move then
   */
  open(sealed: Uint8Array, associated?: Uint8Array): Buffer;
  /** Replaces the key by one that does not lead back to it (section 4.2, `REKEY`); both ends must do it between the same messages. */
  rekey(): void;
}

/**
 * Makes a cipher state with its nonce at zero.
 *
 * @param keyBytes 32 bytes; the caller may wipe them afterwards
 */
export function createCipherState(keyBytes: Uint8Array): CipherState {
  let key = toKey(keyBytes);
  let counter = 0;
  return {
    seal: (plaintext, associated) => {
      requireNonce(counter);
      const cipher = createCipheriv(CIPHER, key, nonceOf(counter), { authTagLength: TAG_BYTES });
      if (associated !== undefined) cipher.setAAD(associated);
      const body = cipher.update(plaintext);
      cipher.final();
      counter += 1;
      return [body, cipher.getAuthTag()];
    },
    open: (sealed, associated) => {
      requireNonce(counter);
      if (sealed.length < TAG_BYTES) throw refused("it is shorter than its tag");
      const end = sealed.length - TAG_BYTES;
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv(CIPHER, key, nonceOf(counter), options);
      if (associated !== undefined) decipher.setAAD(associated);
      decipher.setAuthTag(sealed.subarray(end));
      const body = decipher.update(sealed.subarray(0, end));
      try {
        decipher.final();
      } catch (cause) {
        body.fill(0);
        throw refused("it was not sealed under this key as the next one", cause);
      }
      counter += 1;
      return body;
    },
    rekey: () => {
      const cipher = createCipheriv(CIPHER, key, REKEY_NONCE, { authTagLength: TAG_BYTES });
      const next = cipher.update(Buffer.alloc(KEY_BYTES));
      key = toKey(next);
      next.fill(0);
    },
  };
}

/** Four zero bytes, then 2^64 - 1 (sections 4.2 and 12.4). */
const REKEY_NONCE = Buffer.concat([Buffer.alloc(4), Buffer.alloc(8, 0xff)]);

/** Four zero bytes, then the counter as 64 bits, big-endian (section 12.4). */
function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64BE(BigInt(counter), 4);
  return nonce;
}

function toKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}

function requireNonce(counter: number): void {
  if (counter >= LAST_NONCE) throw new TautlineError("link.noise_exhausted");
}

function refused(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("link.noise_refused", { cause, detail: { reason } });
}
