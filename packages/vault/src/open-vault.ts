import { randomBytes as systemRandomBytes } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { createVault } from "./create-vault.ts";
import { encodeHeader, parseHeader, type HeaderStore, type VaultHeader } from "./header.ts";
import type { KeySource } from "./key-source.ts";
import type { Vault } from "./vault.ts";
import { SCRYPT_COST, unwrapKey, wrapKey, type ScryptCost } from "./wrapped-key.ts";

/** Where a vault's key and header come from. */
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
  if (text !== undefined) {
    return openExisting(options, parseHeader(text));
  }
  if (!options.mayCreate) {
    throw new TautlineError("vault.missing");
  }
  return makeNew(options);
}

async function openExisting(options: OpenVaultOptions, header: VaultHeader): Promise<Vault> {
  const { source, secret } = presentSource(options.sources, header);
  const keys = new Map<number, Buffer>();
  try {
    await unwrapInto(keys, header, { source, secret });
    return createVault({ ...options, keys, keyVersion: header.keyVersion, source });
  } catch (error) {
    wipe(...keys.values());
    throw error;
  } finally {
    wipe(secret);
  }
}

async function makeNew(options: OpenVaultOptions): Promise<Vault> {
  const { randomBytes = systemRandomBytes, scryptCost = SCRYPT_COST } = options;
  const { source, secret } = firstPresent(options.sources) ?? generated(options.sources);
  const key = randomBytes(32);
  const keyVersion = 1;
  try {
    const wrap = await wrapKey({
      key,
      keyVersion,
      source: source.kind,
      secret,
      randomBytes,
      cost: scryptCost,
    });
    await options.store.save(encodeHeader({ format: 1, keyVersion, wraps: [wrap] }));
    return createVault({ ...options, keys: new Map([[keyVersion, key]]), keyVersion, source });
  } catch (error) {
    wipe(key);
    throw error;
  } finally {
    wipe(secret);
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

async function unwrapInto(
  keys: Map<number, Buffer>,
  header: VaultHeader,
  present: PresentSource,
): Promise<void> {
  const { source, secret } = present;
  for (const wrap of header.wraps.filter((candidate) => candidate.source === source.kind)) {
    const key = await unwrapKey(wrap, secret);
    if (key === undefined) {
      const what = source.kind === "key-file" ? "key" : "passphrase";
      throw openFailed(source, `this is not the ${what} that sealed it, or its header was altered`);
    }
    keys.set(wrap.keyVersion, key);
  }
  if (!keys.has(header.keyVersion)) {
    throw openFailed(source, "it never sealed the key now in use");
  }
}

function openFailed(source: KeySource, reason: string): TautlineError {
  return new TautlineError("vault.open_failed", { detail: { source: source.where, reason } });
}

/** As far as JavaScript allows: copies that the engine made are out of reach. */
function wipe(...secrets: Buffer[]): void {
  for (const secret of secrets) {
    secret.fill(0);
  }
}

function places(sources: readonly KeySource[]): string {
  return sources.map((source) => source.where).join(", ");
}
