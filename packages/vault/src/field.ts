import { createCipheriv, createDecipheriv } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { formatPlace, type Place } from "./place.ts";

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + 4;
const LEAST_BYTES = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;
const CONTEXT = "tautline/vault/field/v1";

/**
 * Seals one value: format byte, key version (4 bytes, big-endian), nonce (12), ciphertext, tag (16); AES-256-GCM (NIST SP 800-38D).
 *
 * The associated data holds, each behind its length, a context label, table, row, column, and then format and key version.
 *
 * @param field `key` of 32 bytes; `nonce` of 12 fresh random bytes
 */
export function sealField(field: {
  readonly key: Buffer;
  readonly keyVersion: number;
  readonly place: Place;
  readonly plain: Uint8Array;
  readonly nonce: Buffer;
}): Buffer {
  const head = encodeHead(field.keyVersion);
  const cipher = createCipheriv("aes-256-gcm", field.key, field.nonce, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(associatedData(field.place, head));
  const ciphertext = Buffer.concat([cipher.update(field.plain), cipher.final()]);
  return Buffer.concat([head, field.nonce, ciphertext, cipher.getAuthTag()]);
}

/**
 * Opens one value that `sealField` made for the same place.
 *
 * @param field `keyOf`: the data key of a version, or `undefined` where there is none
 * @throws vault.field_damaged for everything that does not open, whatever the cause
 */
export function openField(field: {
  readonly keyOf: (version: number) => Buffer | undefined;
  readonly place: Place;
  readonly sealed: Uint8Array;
}): Buffer {
  const sealed = Buffer.from(field.sealed.buffer, field.sealed.byteOffset, field.sealed.byteLength);
  if (sealed.length < LEAST_BYTES || sealed[0] !== FORMAT) {
    throw damaged(field.place, "it is too short or of an unknown format");
  }
  const keyVersion = sealed.readUInt32BE(1);
  const key = field.keyOf(keyVersion);
  if (key === undefined) {
    throw damaged(field.place, `this vault holds no key of version ${keyVersion}`);
  }
  const nonce = sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(field.place, sealed.subarray(0, HEAD_BYTES)));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const unverified = decipher.update(sealed.subarray(HEAD_BYTES + NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
    return unverified;
  } catch (error) {
    unverified.fill(0);
    throw damaged(field.place, "its seal does not match", error);
  }
}

function encodeHead(keyVersion: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(FORMAT, 0);
  head.writeUInt32BE(keyVersion, 1);
  return head;
}

/** Lengths before the parts: without them ("a", "bc") and ("ab", "c") would be one place. */
function associatedData(place: Place, head: Buffer): Buffer {
  const parts = [CONTEXT, place.table, place.row, place.column].flatMap((text) => {
    const bytes = Buffer.from(text, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat([...parts, head]);
}

function damaged(place: Place, reason: string, cause?: unknown): TautlineError {
  const detail = { place: formatPlace(place), reason };
  return new TautlineError("vault.field_damaged", { detail, cause });
}
