import { TautlineError, isTautlineError, parseJson } from "@tautline/protocol";
import { readPrivateFile, writeFileDurably } from "./durable-file.ts";
import type { KeySourceKind } from "./key-source.ts";

/** How the wrapping key is made from a source's secret: scrypt (RFC 7914) for passphrases, HKDF (RFC 5869) for random keys. */
export type Derivation =
  | {
      readonly name: "scrypt";
      readonly N: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
    }
  | { readonly name: "hkdf-sha256"; readonly salt: Buffer };

/** One data key, sealed by one source. */
export interface WrappedKey {
  readonly keyVersion: number;
  readonly source: KeySourceKind;
  readonly derivation: Derivation;
  readonly nonce: Buffer;
  /** The 32-byte data key under AES-256-GCM, then the 16-byte tag. */
  readonly sealed: Buffer;
}

/** What a vault stores beside the data it seals; it holds no secret in clear. */
export interface VaultHeader {
  readonly format: 1;
  /** The version new values are sealed with. */
  readonly keyVersion: number;
  readonly wraps: readonly WrappedKey[];
}

/** Where a header lives: a file at the agent, a table row at central. */
export interface HeaderStore {
  load(): string | undefined | Promise<string | undefined>;
  save(text: string): void | Promise<void>;
}

/** Sizes of a header's parts, in bytes, and how many keys it may hold. */
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const SEALED_KEY_BYTES = 32 + 16;
const MOST_WRAPS = 32;
const LONGEST_HEADER_BYTES = 64 * 1024;
const LARGEST_KEY_VERSION = 0xffff_ffff;

/** What scrypt parameters a header may ask for: a hostile one must not make the reader allocate or compute without end. */
export const SCRYPT_LIMITS = {
  leastN: 2 ** 10,
  mostMemoryBytes: 256 * 1024 * 1024,
  mostR: 32,
  mostP: 4,
} as const;

/** Writes a header as JSON. */
export function encodeHeader(header: VaultHeader): string {
  const wraps = header.wraps.map((wrap) => ({
    keyVersion: wrap.keyVersion,
    source: wrap.source,
    derivation: { ...wrap.derivation, salt: wrap.derivation.salt.toString("base64url") },
    nonce: wrap.nonce.toString("base64url"),
    sealed: wrap.sealed.toString("base64url"),
  }));
  return `${JSON.stringify({ format: header.format, keyVersion: header.keyVersion, wraps }, undefined, 2)}\n`;
}

/**
 * Reads a header strictly: every key known and present, every size exact, scrypt within SCRYPT_LIMITS.
 *
 * @param text JSON, at most 64 KiB
 * @throws vault.header_malformed with the path of what is wrong
 */
export function parseHeader(text: string): VaultHeader {
  const top = fields(readJson(text), "header", ["format", "keyVersion", "wraps"]);
  if (top["format"] !== 1) {
    throw malformed("header.format is not 1; a newer Tautline may have written it");
  }
  const keyVersion = version(top["keyVersion"], "header.keyVersion");
  if (
    !Array.isArray(top["wraps"]) ||
    top["wraps"].length === 0 ||
    top["wraps"].length > MOST_WRAPS
  ) {
    throw malformed(`header.wraps is not a list of 1 to ${MOST_WRAPS} keys`);
  }
  const wraps = top["wraps"].map((wrap: unknown, index) =>
    parseWrap(wrap, `header.wraps[${index}]`),
  );
  if (!wraps.some((wrap) => wrap.keyVersion === keyVersion)) {
    throw malformed("header.wraps holds no key of header.keyVersion");
  }
  if (new Set(wraps.map((wrap) => `${wrap.keyVersion} ${wrap.source}`)).size !== wraps.length) {
    throw malformed("header.wraps holds one key twice");
  }
  return { format: 1, keyVersion, wraps };
}

/**
 * Keeps a header in a file of mode 0600, replaced as a whole.
 *
 * @param path the header's file
 */
export function fileHeaderStore(path: string): HeaderStore {
  return {
    load: () => loadText(path),
    save: (text) => {
      writeFileDurably(path, text);
    },
  };
}

/** A header that is there and cannot be read must lock the vault, not look like a mistake of another kind. */
function loadText(path: string): string | undefined {
  try {
    return readPrivateFile(path, LONGEST_HEADER_BYTES)?.toString("utf8");
  } catch (error) {
    if (isTautlineError(error) && error.code === "vault.file_failed") {
      throw malformed(`${error.detail["reason"] ?? "?"} when reading ${path}`, error);
    }
    throw error;
  }
}

function parseWrap(value: unknown, path: string): WrappedKey {
  const wrap = fields(value, path, ["keyVersion", "source", "derivation", "nonce", "sealed"]);
  return {
    keyVersion: version(wrap["keyVersion"], `${path}.keyVersion`),
    source: kind(wrap["source"], `${path}.source`),
    derivation: parseDerivation(wrap["derivation"], `${path}.derivation`),
    nonce: bytes(wrap["nonce"], `${path}.nonce`, NONCE_BYTES),
    sealed: bytes(wrap["sealed"], `${path}.sealed`, SEALED_KEY_BYTES),
  };
}

function parseDerivation(value: unknown, path: string): Derivation {
  const name = isRecord(value) ? value["name"] : undefined;
  if (name === "hkdf-sha256") {
    const { salt } = fields(value, path, ["name", "salt"]);
    return { name, salt: bytes(salt, `${path}.salt`, SALT_BYTES) };
  }
  if (name === "scrypt") {
    const { N, r, p, salt } = fields(value, path, ["name", "N", "r", "p", "salt"]);
    return {
      name,
      ...scryptCost({ N, r, p }, path),
      salt: bytes(salt, `${path}.salt`, SALT_BYTES),
    };
  }
  throw malformed(`${path}.name is not known`);
}

function scryptCost(
  cost: { N: unknown; r: unknown; p: unknown },
  path: string,
): { N: number; r: number; p: number } {
  const r = whole(cost.r, `${path}.r`, 1, SCRYPT_LIMITS.mostR);
  const p = whole(cost.p, `${path}.p`, 1, SCRYPT_LIMITS.mostP);
  const mostN = SCRYPT_LIMITS.mostMemoryBytes / (128 * r);
  const N = whole(cost.N, `${path}.N`, SCRYPT_LIMITS.leastN, mostN);
  if ((N & (N - 1)) !== 0) {
    throw malformed(`${path}.N is not a power of two`);
  }
  return { N, r, p };
}

function readJson(text: string): unknown {
  try {
    return parseJson(text, { maxBytes: LONGEST_HEADER_BYTES, maxDepth: 8 });
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : "it is not JSON", error);
  }
}

function fields(value: unknown, path: string, names: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) {
    throw malformed(`${path} is not an object`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw malformed(`${path} has the unknown key '${unknown}'`);
  }
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) {
    throw malformed(`${path}.${missing} is missing`);
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kind(value: unknown, path: string): KeySourceKind {
  if (value === "environment" || value === "passphrase-file" || value === "key-file") {
    return value;
  }
  throw malformed(`${path} is not a kind of key source`);
}

function version(value: unknown, path: string): number {
  return whole(value, path, 1, LARGEST_KEY_VERSION);
}

function whole(value: unknown, path: string, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw malformed(`${path} is not a whole number from ${least} to ${most}`);
  }
  return value;
}

function bytes(value: unknown, path: string, size: number): Buffer {
  const decoded = typeof value === "string" ? Buffer.from(value, "base64url") : undefined;
  // Node's decoder skips what it does not know; encoding again shows whether the text was exactly this.
  if (decoded?.length !== size || decoded.toString("base64url") !== value) {
    throw malformed(`${path} is not ${size} bytes in base64url`);
  }
  return decoded;
}

function malformed(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("vault.header_malformed", { detail: { reason }, cause });
}
