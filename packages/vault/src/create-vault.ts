import { randomBytes as systemRandomBytes } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { openField, sealField } from "./field.ts";
import type { KeySource } from "./key-source.ts";
import { formatPlace, type Place } from "./place.ts";
import type { Vault, VaultFinding, VaultStatus } from "./vault.ts";

/**
 * Makes an open vault of data keys in memory; `openVault` is the way to get them.
 *
 * @param options `keys`: 32 bytes each, by version, owned and in the end wiped by the vault; `keyVersion`: the one to seal with
 */
export function createVault(options: {
  readonly keys: Map<number, Buffer>;
  readonly keyVersion: number;
  readonly source: KeySource;
  readonly randomBytes?: (size: number) => Buffer;
}): Vault {
  const { keys, keyVersion, source, randomBytes = systemRandomBytes } = options;
  const keyOf = (version: number): Buffer | undefined =>
    keys.size === 0 ? refuseClosed() : keys.get(version);
  const seal = (place: Place, plain: Uint8Array): Buffer => {
    const key = keyOf(keyVersion) ?? refuseClosed();
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

function refuseClosed(): never {
  throw new TautlineError("vault.closed");
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
    remedy:
      "Give a passphrase before the first start of the next installation; for this one, leave the key file out of backups of the data and keep it apart.",
  };
}
