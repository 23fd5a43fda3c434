import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { chainHash, GENESIS } from "@tautline/vault";
import { createTestTrail, withTempFolder } from "@tautline/testing";
import { openCore } from "../fixture-core.test.ts";
import type { AuditVerdict } from "./trail-verdict.ts";

/** What somebody with the file and any SQLite does to a trail of 12 entries or more, signed in three steps. */
type Attack = (db: DatabaseSync) => void;

async function verdictAfter(attack: Attack): Promise<AuditVerdict> {
  return withTempFolder(async (folder) => {
    const core = await openCore(folder);
    for (let step = 0; step < 3; step += 1) {
      for (let at = 0; at < 4; at += 1) {
        const subject = `token:${step}-${at}`;
        await core.audit.record({ action: "token.created", actor: "operator:local", subject });
      }
      await core.trail.keeper.sign();
    }
    assert.equal((await core.trail.verify()).ok, true);
    await core.close();
    const db = new DatabaseSync(join(folder, "central.db"));
    attack(db);
    db.close();
    const again = await openCore(folder);
    try {
      return await again.trail.verify();
    } finally {
      await again.close();
    }
  });
}

interface Entry {
  readonly seq: number;
  readonly body: string;
}

/** Rewrites one entry and hashes it and all after it anew, as the author of a good forgery would. */
const rewrite: Attack = (db) => {
  const entries = db
    .prepare("SELECT seq, body FROM audit ORDER BY seq")
    .all() as unknown as Entry[];
  let previous = GENESIS;
  for (const { seq, body: written } of entries) {
    const body = written.replace("token:1-1", "token:none");
    const hash = chainHash(previous, body);
    db.prepare("UPDATE audit SET body = ?, previous = ?, hash = ? WHERE seq = ?").run(
      body,
      previous,
      hash,
      seq,
    );
    previous = hash;
  }
};

const stranger = createTestTrail().grow(4).sign().checkpoints[0] ?? assert.fail();
const elsewhere = createTestTrail({ central: "00000000-0000-4000-8000-0000000000c2" });
const otherCentral = elsewhere.grow(4).sign().checkpoints[0] ?? assert.fail();
const put =
  (checkpoint: typeof stranger): Attack =>
  (db) =>
    db
      .prepare("UPDATE audit_checkpoints SET body = ?, signature = ? WHERE number = 2")
      .run(checkpoint.body, checkpoint.signature);
const sql =
  (text: string): Attack =>
  (db) =>
    db.exec(text);

const corpus: [name: string, attack: Attack, reason: RegExp][] = [
  ["an entry rewritten and all after it hashed anew", rewrite, /rewritten, and all after it/],
  [
    "the last entries deleted",
    sql("DELETE FROM audit WHERE seq > (SELECT max(seq) - 3 FROM audit)"),
    /end of the trail was cut off/,
  ],
  [
    "the last entries and the checkpoints of them deleted, but not the chain between",
    sql("DELETE FROM audit_checkpoints WHERE number = 2"),
    /checkpoint 2 is missing/,
  ],
  ["a gap in the numbers", sql("DELETE FROM audit WHERE seq = 6"), /is missing before/],
  [
    "an entry inserted",
    sql("INSERT INTO audit SELECT 0, previous, hash, body FROM audit WHERE seq = 1"),
    /entry 1 is missing/,
  ],
  [
    "a flipped bit in a body",
    sql("UPDATE audit SET body = replace(body, 'token:1-1', 'token:1-0')"),
    /not what was hashed/,
  ],
  [
    "a flipped bit in a checkpoint",
    sql("UPDATE audit_checkpoints SET body = replace(body, 'seq ', 'seq 1') WHERE number = 2"),
    /is not proven/,
  ],
  [
    "a flipped bit in the statement on the key",
    sql("UPDATE audit_keys SET statement = replace(statement, 'number 1', 'number 2')"),
    /is not proven/,
  ],
  ["a checkpoint forged by another key", put(stranger), /is not proven/],
  ["a checkpoint of another central", put(otherCentral), /is not proven/],
  [
    "two checkpoints exchanged",
    sql(
      "UPDATE audit_checkpoints SET number = -1 WHERE number = 1; UPDATE audit_checkpoints SET number = 1 WHERE number = 2; UPDATE audit_checkpoints SET number = 2 WHERE number = -1",
    ),
    /missing before|behind its entry|does not follow|cut off/,
  ],
];

describe("A21, F12: what somebody does to the files of the trail is found", () => {
  for (const [name, attack, reason] of corpus) {
    it(name, async () => {
      const verdict = await verdictAfter(attack);
      assert.equal(verdict.ok, false);
      assert.match(verdict.ok ? "" : verdict.reason, reason);
    });
  }

  it("an older copy of the whole database that went on holds together by itself: its witnesses find it", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      await core.trail.keeper.sign();
      await core.close();
      copyFileSync(join(folder, "central.db"), join(folder, "copy.db"));
      const later = await openCore(folder);
      await later.audit.record({ action: "token.created", actor: "operator:local", subject: "t" });
      await later.trail.keeper.sign();
      const seen = later.trail.keeper.newest()?.signed ?? assert.fail();
      await later.close();
      copyFileSync(join(folder, "copy.db"), join(folder, "central.db"));
      const restored = await openCore(folder);
      await restored.audit.record({
        action: "token.revoked",
        actor: "operator:local",
        subject: "t",
      });
      await restored.trail.keeper.sign();
      assert.equal((await restored.trail.verify()).ok, true);
      await restored.trail.witness.takeHead("0190a000-0000-7000-8000-000000000001", seen);
      assert.equal((await restored.trail.forks.list()).length, 1);
      await restored.close();
    }));
});
