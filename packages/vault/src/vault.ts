import { randomBytes as systemRandomBytes } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { openField, sealField, type Place } from "./field.ts";
import { encodeHeader, parseHeader, type HeaderStore, type VaultHeader } from "./header.ts";
import type { KeySource, KeySourceKind, KeyStrength } from "./key-source.ts";
import { SCRYPT_COST, unwrapKey, wrapKey, type ScryptCost } from "./wrapped-key.ts";

/** One thing about a vault that a person should know. */
export interface VaultFinding {
  readonly what: string;
  readonly where: string;
  readonly why: string;
  readonly remedy: string;
}

/** How a vault was opened; safe to show. */
export interface VaultStatus {
  readonly keyVersion: number;
  readonly source: KeySourceKind;
  readonly where: string;
  readonly strength: KeyStrength;
  readonly finding?: VaultFinding;
}

/** An open vault: seals values for the one place each is kept at. */
export interface Vault {
  /** Seals bytes; the same bytes never give the same result twice. */
  seal(place: Place, plain: Uint8Array): Buffer;
  /** Opens what `seal` made for the same place. @throws vault.field_damaged */
  open(place: Place, sealed: Uint8Array): Buffer;
  /** Seals text, as base64url. @throws vault.text_malformed */
  sealText(place: Place, plain: string): string;
  /** Opens what `sealText` made for the same place. @throws vault.field_damaged */
  openText(place: Place, sealed: string): string;
  status(): VaultStatus;
  /** Wipes the data keys from memory; every later call but `status` throws vault.closed. */
  close(): void;
}

export interface OpenVaultOptions {
  /** Asked in this order; only the first that is present counts, and it must open the vault. */
  readonly sources: readonly KeySource[];
  readonly store: HeaderStore;
  /** Whether a new vault may be made where the store holds no header; false where sealed data already exists. */
  readonly mayCreate: boolean;
  readonly randomBytes?: (size: number) => Buffer;
  /** Cost of stretching the passphrase of a *new* vault; an existing one keeps its own. Lower it only in tests. */
  readonly scryptCost?: ScryptCost;
}

/**
 * Opens the vault whose header the store holds, or makes one (DESIGN "Vault", RS-16..RS-21).
 *
 * A source that is present but wrong, or present but never used for this vault, ends it there: it never falls through to the
 * next source, and a failure changes nothing.
 *
 * @throws vault.open_failed, vault.source_unused, vault.source_absent, vault.source_malformed, vault.missing,
 * vault.header_malformed, vault.no_source, vault.file_unsafe, vault.file_failed
 */
export async function openVault(options: OpenVaultOptions): Promise<Vault> {
  const text = await options.store.load();
  if (text === undefined) {
    return options.mayCreate
      ? createVault(options)
      : Promise.reject(new TautlineError("vault.missing"));
  }
  const header = parseHeader(text);
  const { source, secret } = presentSource(options.sources, header);
  try {
    const keys = await unwrapAll(header, source, secret);
    return makeVault(keys, header.keyVersion, source, options);
  } finally {
    secret.fill(0);
  }
}

async function createVault(options: OpenVaultOptions): Promise<Vault> {
  const randomBytes = options.randomBytes ?? systemRandomBytes;
  const { source, secret } = firstPresent(options.sources) ?? generated(options.sources);
  const key = randomBytes(32);
  try {
    const wrap = await wrapKey({
      key,
      keyVersion: 1,
      source: source.kind,
      secret,
      randomBytes,
      cost: options.scryptCost ?? SCRYPT_COST,
    });
    await options.store.save(encodeHeader({ format: 1, keyVersion: 1, wraps: [wrap] }));
    return makeVault(new Map([[1, key]]), 1, source, options);
  } finally {
    secret.fill(0);
  }
}

interface PresentSource {
  readonly source: KeySource;
  readonly secret: Buffer;
}

function firstPresent(sources: readonly KeySource[]): PresentSource | undefined {
  for (const source of sources) {
    const secret = source.read();
    if (secret !== undefined) {
      return { source, secret };
    }
  }
  return undefined;
}

function generated(sources: readonly KeySource[]): PresentSource {
  const source = sources.find((candidate) => candidate.create !== undefined);
  const secret = source?.create?.();
  if (source === undefined || secret === undefined) {
    throw new TautlineError("vault.no_source", { detail: { looked: places(sources) } });
  }
  return { source, secret };
}

function presentSource(sources: readonly KeySource[], header: VaultHeader): PresentSource {
  const sealedBy = [...new Set(header.wraps.map((wrap) => wrap.source))].join(", ");
  const present = firstPresent(sources);
  if (present === undefined) {
    throw new TautlineError("vault.source_absent", {
      detail: { sealedBy, looked: places(sources) },
    });
  }
  if (!header.wraps.some((wrap) => wrap.source === present.source.kind)) {
    present.secret.fill(0);
    throw new TautlineError("vault.source_unused", {
      detail: { source: present.source.where, sealedBy },
    });
  }
  return present;
}

async function unwrapAll(
  header: VaultHeader,
  source: KeySource,
  secret: Buffer,
): Promise<Map<number, Buffer>> {
  const keys = new Map<number, Buffer>();
  for (const wrap of header.wraps) {
    if (wrap.source === source.kind) {
      const key = await unwrapKey(wrap, secret);
      if (key === undefined) {
        const reason = `this is not the ${source.kind === "key-file" ? "key" : "passphrase"} that sealed it`;
        throw new TautlineError("vault.open_failed", { detail: { source: source.where, reason } });
      }
      keys.set(wrap.keyVersion, key);
    }
  }
  if (!keys.has(header.keyVersion)) {
    throw new TautlineError("vault.open_failed", {
      detail: { source: source.where, reason: "it never sealed the key now in use" },
    });
  }
  return keys;
}

function makeVault(
  keys: Map<number, Buffer>,
  keyVersion: number,
  source: KeySource,
  options: OpenVaultOptions,
): Vault {
  const randomBytes = options.randomBytes ?? systemRandomBytes;
  const keyOf = (version: number): Buffer | undefined => {
    if (keys.size === 0) {
      throw new TautlineError("vault.closed");
    }
    return keys.get(version);
  };
  const seal = (place: Place, plain: Uint8Array): Buffer => {
    const key = keyOf(keyVersion);
    if (key === undefined) {
      throw new TautlineError("vault.closed");
    }
    return sealField({ key, keyVersion, place, plain, nonce: randomBytes(12) });
  };
  const open = (place: Place, sealed: Uint8Array): Buffer => openField({ keyOf, place, sealed });
  return {
    seal,
    open,
    sealText: (place, plain) => sealTextWith(seal, place, plain),
    openText: (place, sealed) => openTextWith(open, place, sealed),
    status: () => describe(keyVersion, source),
    close: () => {
      for (const key of keys.values()) {
        key.fill(0);
      }
      keys.clear();
    },
  };
}

function sealTextWith(seal: Vault["seal"], place: Place, plain: string): string {
  if (!plain.isWellFormed()) {
    throw new TautlineError("vault.text_malformed", { detail: { place: formatPlace(place) } });
  }
  return seal(place, Buffer.from(plain, "utf8")).toString("base64url");
}

function openTextWith(open: Vault["open"], place: Place, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.toString("base64url") !== sealed) {
    throw new TautlineError("vault.field_damaged", {
      detail: { place: formatPlace(place), reason: "it is not base64url" },
    });
  }
  const plain = open(place, bytes);
  try {
    return plain.toString("utf8");
  } finally {
    plain.fill(0);
  }
}

function formatPlace(place: Place): string {
  return `${place.table}/${place.row}/${place.column}`;
}

function describe(keyVersion: number, source: KeySource): VaultStatus {
  const { kind, where, strength } = source;
  const status = { keyVersion, source: kind, where, strength };
  return strength === "weak" ? { ...status, finding: weakKeyFinding(where) } : status;
}

function weakKeyFinding(where: string): VaultFinding {
  return {
    what: "The vault's key lies beside the data it seals.",
    where,
    why: "Whoever copies the whole data folder can read its secrets.",
    remedy: "Make new vaults with a passphrase, and leave the key file out of backups of the data.",
  };
}

function places(sources: readonly KeySource[]): string {
  return sources.map((source) => source.where).join(", ");
}
