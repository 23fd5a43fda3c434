import type { KeySourceKind, KeyStrength } from "./key-source.ts";
import type { Place } from "./place.ts";

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
