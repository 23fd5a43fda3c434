import type { Vault } from "@tautline/vault";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Store } from "../store/store.ts";
import type { KeyUses } from "./key-uses.ts";
import type { RotationStep } from "./rotation-rule.ts";

/** What a new key shall be. */
export interface KeyOrder {
  readonly name: string;
  readonly namespace: string;
  /** The one agent it is for, which need not have come yet. */
  readonly agentId?: string | undefined;
  /** Its text; undefined makes a strong one. */
  readonly value?: string | undefined;
  readonly actor: string;
}

/** A version just made. */
export interface NewKeyVersion {
  readonly name: string;
  readonly id: string;
  readonly version: number;
  /** The text that central made, shown this once and kept nowhere; null for one that was given. */
  readonly value: string | null;
  readonly weakness: string | null;
}

/** The next version of a key. */
export interface VersionOrder {
  readonly name: string;
  /** Its text; undefined makes a strong one. */
  readonly value?: string | undefined;
  readonly actor: string;
}

/** One step of a rotation that makes nothing new. */
export interface StepOrder {
  readonly name: string;
  readonly step: Exclude<RotationStep, "install">;
  /** Agents that may be cut off by it, each by its id; `all` for a key that leaked: whoever has it can call itself any number of agents. */
  readonly allowCutOff: readonly string[] | "all";
  readonly actor: string;
}

/** The end of a key. */
export interface DeleteOrder {
  readonly name: string;
  /** Also where agents used it last, which are cut off. */
  readonly force: boolean;
  readonly actor: string;
}

/** The derived key, for a program that is not ours. */
export interface ExportedKey {
  readonly name: string;
  readonly version: number;
  /** 32 bytes as lower-case hex. */
  readonly pskHex: string;
}

/** What the keys need. */
export interface KeyStoreDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly now: () => number;
  readonly uses: Pick<KeyUses, "flush">;
  /** Told after a change is on the disk; resolves when this process follows it. Never rejects. */
  readonly onChanged: () => Promise<void>;
}
