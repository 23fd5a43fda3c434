import { createCipheriv, createDecipheriv, hkdfSync, scrypt } from "node:crypto";
import type { Derivation, WrappedKey } from "./header.ts";
import type { KeySourceKind } from "./key-source.ts";

/** Cost parameters of scrypt (RFC 7914 section 2). */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and about 0.3 s for each guess: N = 2^17, r = 8, p = 1. */
export const SCRYPT_COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };

const CONTEXT = "tautline/vault/wrap/v1";
const KEY_BYTES = 32;
const TAG_BYTES = 16;

/**
 * Seals a data key under a source's secret: scrypt for passphrases, HKDF for a key that is random already; then AES-256-GCM.
 *
 * @param wrap `key`: 32 bytes; `secret`: what the source read; `cost` counts for passphrases only
 */
export async function wrapKey(wrap: {
  readonly key: Buffer;
  readonly keyVersion: number;
  readonly source: KeySourceKind;
  readonly secret: Buffer;
  readonly randomBytes: (size: number) => Buffer;
  readonly cost: ScryptCost;
}): Promise<WrappedKey> {
  const { keyVersion, source } = wrap;
  const salt = wrap.randomBytes(16);
  const derivation: Derivation =
    source === "key-file" ? { name: "hkdf-sha256", salt } : { name: "scrypt", ...wrap.cost, salt };
  const nonce = wrap.randomBytes(12);
  const wrappingKey = await derive(derivation, wrap.secret);
  const cipher = createCipheriv("aes-256-gcm", wrappingKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData({ keyVersion, source, derivation }));
  const sealed = Buffer.concat([cipher.update(wrap.key), cipher.final(), cipher.getAuthTag()]);
  wrappingKey.fill(0);
  return { keyVersion, source, derivation, nonce, sealed };
}

/**
 * Opens a data key.
 *
 * @returns its 32 bytes, or `undefined` where the secret is not the one that sealed it (or the wrapped key was altered)
 */
export async function unwrapKey(wrap: WrappedKey, secret: Buffer): Promise<Buffer | undefined> {
  const wrappingKey = await derive(wrap.derivation, secret);
  const decipher = createDecipheriv("aes-256-gcm", wrappingKey, wrap.nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData(wrap));
  decipher.setAuthTag(wrap.sealed.subarray(-TAG_BYTES));
  const key = decipher.update(wrap.sealed.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
    return key;
  } catch {
    // A wrong tag is the expected answer to a wrong secret, not a fault to report.
    key.fill(0);
    return undefined;
  } finally {
    wrappingKey.fill(0);
  }
}

function derive(derivation: Derivation, secret: Buffer): Promise<Buffer> {
  if (derivation.name === "hkdf-sha256") {
    const key = hkdfSync("sha256", secret, derivation.salt, CONTEXT, KEY_BYTES);
    return Promise.resolve(Buffer.from(key));
  }
  const { N, r, p, salt } = derivation;
  // OpenSSL counts a little more than 128 * N * r; without maxmem it refuses above 32 MiB.
  const maxmem = 128 * r * (N + p + 2) + 4096;
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, { N, r, p, maxmem }, (error, key) => {
      if (error === null) {
        resolve(key);
      } else {
        reject(error);
      }
    });
  });
}

/** Binds everything the header says about the key, so that no part of it can be exchanged. */
function associatedData(wrap: Pick<WrappedKey, "keyVersion" | "source" | "derivation">): Buffer {
  const { name } = wrap.derivation;
  const cost =
    name === "scrypt" ? `${wrap.derivation.N},${wrap.derivation.r},${wrap.derivation.p}` : "";
  return Buffer.from([CONTEXT, wrap.keyVersion, wrap.source, name, cost].join("\0"), "utf8");
}
