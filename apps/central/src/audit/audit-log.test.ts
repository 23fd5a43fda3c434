import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { createFakeClock, type FakeClock, withTempFolder } from "@tautline/testing";
import { GENESIS } from "@tautline/vault";
import { refusalOf } from "../fixture-checks.test.ts";
import { openStore, type Store } from "../store/store.ts";
import { createTestAuthority } from "@tautline/testing";
import { createAuditLog, type AuditLog } from "./audit-log.ts";
import { type AuditVerdict, verifyTrail } from "./trail-verdict.ts";

interface Ground {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly clock: FakeClock;
  readonly file: string;
}

const withAudit = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withTempFolder(async (folder) => {
    const file = join(folder, "central.db");
    const store = await openStore(file);
    const clock = createFakeClock();
    await use({ store, audit: createAuditLog(store, clock.now), clock, file });
    await store.close();
  });

/** Trails of these tests have no checkpoints; whose they are does not matter. */
const OWNER = {
  trustDomain: "fleet.test",
  centralId: "00000000-0000-4000-8000-0000000000c1",
  root: new X509Certificate(createTestAuthority().rootPem),
};
const verify = (store: Store): Promise<AuditVerdict> => verifyTrail(store, OWNER);
const whole = (count: number, head: string | undefined) => {
  const signed = { checkpoints: 0, signedTo: 0 };
  return { ok: true, count, head, ...signed };
};

const record = async (audit: AuditLog, count: number): Promise<void> => {
  for (let at = 1; at <= count; at += 1) {
    await audit.record({
      action: "token.created",
      actor: "operator:local",
      subject: `token:${at}`,
    });
  }
};

/** What somebody with the file and any SQLite can do to a trail; its verdict afterwards. */
function verdictAfter(entries: number, attack: string): Promise<AuditVerdict> {
  return withTempFolder(async (folder) => {
    const file = join(folder, "central.db");
    const before = await openStore(file);
    await record(
      createAuditLog(before, () => 0),
      entries,
    );
    await before.close();
    const raw = new DatabaseSync(file);
    raw.exec(attack);
    raw.close();
    const store = await openStore(file);
    const verdict = await verify(store);
    await store.close();
    return verdict;
  });
}

describe("AuditLog", () => {
  it("chains its entries from the first on and verifies them", () =>
    withAudit(async ({ store, audit }) => {
      assert.deepEqual(await verify(store), whole(0, GENESIS));
      await record(audit, 3);
      const rows = await store.read((db) => db.selectFrom("audit").selectAll().execute());
      assert.equal(rows[0]?.previous, GENESIS);
      assert.equal(rows[1]?.previous, rows[0]?.hash);
      assert.deepEqual(await verify(store), whole(3, rows[2]?.hash));
    }));

  it("goes on with the same chain after a restart", () =>
    withTempFolder(async (folder) => {
      for (let run = 1; run <= 2; run += 1) {
        const store = await openStore(join(folder, "central.db"));
        const audit = createAuditLog(store, () => 0);
        await record(audit, 2);
        assert.equal((await verify(store)).ok, true);
        assert.equal((await audit.list({ limit: 10 })).length, 2 * run);
        await store.close();
      }
    }));

  it("writes an entry in the transaction of its change: rolled back, neither is there", () =>
    withAudit(async ({ store, audit }) => {
      const failure = new Error("no");
      await assert.rejects(
        store.write(async (trx) => {
          await audit.append(trx, { action: "token.created", actor: "a", subject: "b" });
          throw failure;
        }),
        failure,
      );
      assert.deepEqual(await audit.list({ limit: 10 }), []);
      await record(audit, 1);
      assert.deepEqual(
        (await audit.list({ limit: 10 })).map((entry) => entry.seq),
        [1],
      );
    }));

  it("numbers entries one after the other, however many are written at once", () =>
    withAudit(async ({ audit, store }) => {
      await Promise.all(Array.from({ length: 50 }, () => record(audit, 1)));
      const entries = await audit.list({ limit: 100 });
      assert.deepEqual(
        entries.map((entry) => entry.seq),
        Array.from({ length: 50 }, (_, at) => at + 1),
      );
      assert.equal((await verify(store)).ok, true);
    }));

  it("lists the newest entries, oldest first, from a time on", () =>
    withAudit(async ({ audit, clock }) => {
      await record(audit, 2);
      const later = clock.advance(1_000);
      await record(audit, 2);
      const seqs = async (query: { sinceMs?: number; limit: number }): Promise<number[]> =>
        (await audit.list(query)).map((entry) => entry.seq);
      assert.deepEqual(await seqs({ limit: 3 }), [2, 3, 4]);
      assert.deepEqual(await seqs({ limit: 10, sinceMs: later }), [3, 4]);
      assert.deepEqual(await seqs({ limit: 1, sinceMs: later }), [4]);
      assert.deepEqual(await seqs({ limit: 10, sinceMs: later + 1 }), []);
    }));

  it("says which entry cannot be read, instead of hiding the trail behind an unforeseen failure", () =>
    withAudit(async ({ store, audit }) => {
      await record(audit, 2);
      await store.write((trx) =>
        trx.updateTable("audit").set({ body: "{" }).where("seq", "=", 2).execute(),
      );
      const refusal = await refusalOf(audit.list({ limit: 10 }), "store.damaged");
      assert.match(refusal.message, /entry 2 of the audit trail/);
    }));

  const attacks: { name: string; attack: string; at: number; reason: RegExp }[] = [
    {
      name: "a body that was altered",
      attack: "UPDATE audit SET body = replace(body, 'token:3', 'token:9') WHERE seq = 3",
      at: 3,
      reason: /not what was hashed/,
    },
    {
      name: "an entry that was removed",
      attack: "DELETE FROM audit WHERE seq = 3",
      at: 4,
      reason: /entry 3 is missing/,
    },
    {
      name: "a first entry that was removed",
      attack: "DELETE FROM audit WHERE seq = 1",
      at: 2,
      reason: /entry 1 is missing/,
    },
    {
      name: "an entry that was removed and the rest numbered anew",
      attack: "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3",
      at: 3,
      reason: /does not follow/,
    },
    {
      name: "entries that changed places",
      attack:
        "UPDATE audit SET seq = -2 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = -2",
      at: 2,
      reason: /does not follow/,
    },
    {
      name: "a body that changed places with another, hashes and all",
      attack:
        "CREATE TEMP TABLE t AS SELECT * FROM audit WHERE seq = 2;" +
        "UPDATE audit SET body = (SELECT body FROM audit WHERE seq = 4), hash = (SELECT hash FROM audit WHERE seq = 4) WHERE seq = 2;" +
        "UPDATE audit SET body = (SELECT body FROM t), hash = (SELECT hash FROM t) WHERE seq = 4",
      at: 2,
      reason: /not what was hashed/,
    },
    {
      name: "an entry put in between",
      attack: "INSERT INTO audit SELECT 6, previous, hash, body FROM audit WHERE seq = 5",
      at: 6,
      reason: /does not follow/,
    },
    {
      name: "an entry put before the first",
      attack: "INSERT INTO audit SELECT 0, previous, hash, body FROM audit WHERE seq = 1",
      at: 0,
      reason: /entry 1 is missing/,
    },
    {
      name: "a hash that was altered",
      attack: "UPDATE audit SET hash = previous WHERE seq = 5",
      at: 5,
      reason: /not what was hashed/,
    },
  ];
  for (const { name, attack, at, reason } of attacks) {
    it(`finds ${name}`, async () => {
      const verdict = await verdictAfter(5, attack);
      assert.equal(verdict.ok, false);
      if (!verdict.ok) {
        assert.equal(verdict.at, at);
        assert.match(verdict.reason, reason);
      }
    });
  }

  it("verifies trails that end exactly at, before and after a page of its reading", () =>
    withAudit(async ({ store, audit }) => {
      // One transaction, or a thousand fsyncs would be the most of this test.
      const grow = (count: number): Promise<void> =>
        store.write(async (trx) => {
          for (let at = 0; at < count; at += 1) {
            await audit.append(trx, { action: "token.created", actor: "a", subject: "b" });
          }
        });
      const counts: number[] = [];
      for (const step of [999, 1, 1, 999, 1]) {
        await grow(step);
        const verdict = await verify(store);
        counts.push(verdict.ok ? verdict.count : -1);
      }
      assert.deepEqual(counts, [999, 1_000, 1_001, 2_000, 2_001]);
    }));

  it("finds a break behind the first page", () =>
    withAudit(async ({ store, audit }) => {
      await store.write(async (trx) => {
        for (let at = 0; at < 1_500; at += 1) {
          await audit.append(trx, { action: "token.created", actor: "a", subject: "b" });
        }
        await trx.updateTable("audit").set({ body: "{}" }).where("seq", "=", 1_200).execute();
      });
      const verdict = await verify(store);
      assert.equal(!verdict.ok && verdict.at, 1_200);
    }));
});
