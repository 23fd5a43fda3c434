import {
  createKeyPair,
  checkpointHash,
  openCheckpoint,
  readNamedRoot,
  signCheckpoint,
} from "@tautline/pki";
import type { SignedCheckpoint, TrailEntry, TrailHead, TrailLine } from "@tautline/protocol";
import { chainHash, GENESIS, type OpenCheckpoint } from "@tautline/vault";
import type { KeyObject } from "node:crypto";
import { createTestAuthority, type TestAuthority } from "./test-authority.ts";

/** Whose trail it is, and by which keys. */
interface TrailKeys {
  readonly authority: TestAuthority;
  readonly central: string;
  readonly privateKey: KeyObject;
  readonly statement: SignedCheckpoint["key"];
}

const SECOND_MS = 1_000;
const BEGUN_MS = Date.UTC(2026, 0, 1);

/** An audit trail in memory that is signed like a real one; one entry a second. */
export class TestTrail {
  readonly keys: TrailKeys;
  readonly #lines: TrailLine[];
  #atMs: number;

  constructor(keys: TrailKeys, lines: readonly TrailLine[] = [], atMs = BEGUN_MS) {
    this.keys = keys;
    this.#lines = [...lines];
    this.#atMs = atMs;
  }

  get head(): TrailHead {
    const { authority, central } = this.keys;
    const { trustDomain, rootPem: root } = authority;
    return { type: "trail", format: 1, trustDomain, central, root, seq: 0, hash: GENESIS };
  }

  get entries(): readonly TrailEntry[] {
    return this.#lines.filter((line) => line.type === "entry");
  }

  get checkpoints(): readonly SignedCheckpoint[] {
    return this.#lines.flatMap((line) => (line.type === "checkpoint" ? [line.checkpoint] : []));
  }

  /** As central exports it. */
  get lines(): readonly TrailLine[] {
    const last = this.entries.at(-1);
    const { seq, hash } = last ?? { seq: 0, hash: GENESIS };
    return [this.head, ...this.#lines, { type: "end", seq, hash }];
  }

  /** Adds entries, which say what they are called. */
  grow(count: number, subject = "token:1"): this {
    for (let left = count; left > 0; left -= 1) {
      const last = this.entries.at(-1);
      const seq = (last?.seq ?? 0) + 1;
      const previous = last?.hash ?? GENESIS;
      const at = new Date(this.#tick()).toISOString();
      const body = JSON.stringify({
        seq,
        at,
        action: "token.created",
        actor: "operator:local",
        subject,
      });
      this.#lines.push({ type: "entry", seq, previous, hash: chainHash(previous, body), body });
    }
    return this;
  }

  /** Signs the head. */
  sign(): this {
    const { authority, central, privateKey, statement } = this.keys;
    const { seq, hash: head } = this.entries.at(-1) ?? { seq: 1, hash: GENESIS };
    const before = this.checkpoints.at(-1);
    const { body, signature } = signCheckpoint(privateKey, {
      trustDomain: authority.trustDomain,
      central,
      number: this.checkpoints.length + 1,
      seq,
      head,
      atMs: this.#tick(),
      previous: before === undefined ? GENESIS : checkpointHash(before.body),
    });
    this.#lines.push({ type: "checkpoint", checkpoint: { body, signature, key: statement } });
    return this;
  }

  /** A copy, as a backup is: it goes on from there by the same keys, at the same times. */
  copy(): TestTrail {
    return new TestTrail(this.keys, this.#lines, this.#atMs);
  }

  /** The same entries up to one, which is another, and all after it hashed anew; checkpoints as they were. */
  rewrite(seq: number): TestTrail {
    let previous = GENESIS;
    const lines = this.#lines.map((line): TrailLine => {
      if (line.type !== "entry") return line;
      const body = line.seq === seq ? line.body.replace("token:1", "token:9") : line.body;
      const hash = chainHash(previous, body);
      const written = { type: "entry", seq: line.seq, previous, hash, body } as const;
      previous = hash;
      return written;
    });
    return new TestTrail(this.keys, lines, this.#atMs);
  }

  /** Lets time pass. */
  wait(ms: number): this {
    this.#atMs += ms;
    return this;
  }

  #tick(): number {
    this.#atMs += SECOND_MS;
    return this.#atMs;
  }
}

/**
 * Makes an empty trail with fresh keys.
 *
 * @param options `authority`: whose root certifies the key; `central`: id of the database
 */
export function createTestTrail({
  authority = createTestAuthority(),
  central = "00000000-0000-4000-8000-0000000000c1",
}: { readonly authority?: TestAuthority; readonly central?: string } = {}): TestTrail {
  const { privateKey, publicKey } = createKeyPair("ed25519");
  const statement = authority.certifyAuditKey({ central, number: 1, atMs: 0 }, publicKey);
  return new TestTrail({ authority, central, privateKey, statement });
}

/** Proves a checkpoint by the root that the trail's head names. */
export const openByHead: OpenCheckpoint = (signed, { root, trustDomain }) =>
  openCheckpoint(signed, { roots: [readNamedRoot(root)], trustDomain });
