import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { parseAuditCheckpoint } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { CENTRAL_ID, type Core, openCore, TRUST_DOMAIN, withCore } from "../fixture-core.test.ts";
import { openAuditKey } from "./audit-key.ts";
import { type CheckpointKeeper, openCheckpointKeeper } from "./checkpoint-keeper.ts";
import { readCheckpoints } from "./checkpoint-store.ts";

const EVENT = { action: "token.created", actor: "operator:local", subject: "token:1" } as const;

async function openKeeper(core: Core, everyEntries: number, lines: string[] = []) {
  const { store, audit, vault, authority, clock } = core;
  const deps = { store, audit, vault, authority, centralId: CENTRAL_ID, now: clock.now };
  const key = await openAuditKey(deps);
  const log = createLog("central", "debug", { write: (line: string) => void lines.push(line) });
  return openCheckpointKeeper({ ...deps, key, trustDomain: TRUST_DOMAIN, everyEntries, log });
}

const signedSeqs = async (core: Core): Promise<number[]> =>
  (await readCheckpoints(core.store, 0, 1_000)).map(({ seq }) => seq);
const nextOf = (keeper: CheckpointKeeper): Promise<void> =>
  new Promise((resolve) => {
    const end = keeper.watch(() => {
      end();
      resolve();
    });
  });

describe("the keeper of checkpoints", () => {
  it("signs behind every so many entries, outside of their transactions", () =>
    withCore(async (core) => {
      const keeper = await openKeeper(core, 3);
      const before = (await core.audit.list({ limit: 1 }))[0]?.seq ?? 0;
      for (let turn = 1; turn <= 2; turn += 1) {
        const signed = nextOf(keeper);
        for (let at = 0; at < 3; at += 1) await core.audit.record(EVENT);
        await signed;
        assert.equal((await signedSeqs(core)).length, turn);
      }
      assert.ok((keeper.newest()?.seq ?? 0) >= before + 6);
      assert.equal((await core.trail.verify()).ok, true);
    }));

  it("signs nothing twice, and nothing by itself once it has stopped", () =>
    withCore(async (core) => {
      const keeper = await openKeeper(core, 1);
      await keeper.sign();
      await Promise.all([keeper.sign(), keeper.sign()]);
      assert.equal((await signedSeqs(core)).length, 1);
      await keeper.stop();
      await core.audit.record(EVENT);
      assert.equal((await signedSeqs(core)).length, 1);
      await keeper.sign();
      assert.equal((await signedSeqs(core)).length, 2);
    }));

  it("F1: an entry whose transaction was rolled back is not signed", () =>
    withCore(async (core) => {
      const keeper = await openKeeper(core, 1);
      const failure = new Error("no");
      const write = core.store.write(async (trx) => {
        await core.audit.append(trx, EVENT);
        throw failure;
      });
      await assert.rejects(write, failure);
      await keeper.stop();
      const last = (await core.audit.list({ limit: 1 }))[0];
      assert.ok((keeper.newest()?.seq ?? 0) <= (last?.seq ?? 0));
      assert.equal((await core.trail.verify()).ok, true);
    }));

  it("goes on behind the checkpoint of an earlier run, by the same key", () =>
    withTempFolder(async (folder) => {
      for (let run = 1; run <= 3; run += 1) {
        const core = await openCore(folder);
        await core.audit.record(EVENT);
        await core.trail.keeper.sign();
        const [first] = await readCheckpoints(core.store, 0, 10);
        const { number, key } = parseAuditCheckpoint(core.trail.keeper.newest()?.signed.body ?? "");
        assert.equal(number, run);
        assert.equal(key, parseAuditCheckpoint(first?.signed.body ?? "").key);
        assert.equal((await core.trail.verify()).ok, true);
        await core.close();
      }
    }));

  it("F12: says in the log that the trail does not hold together, signs all the same, and verify names the entry", () =>
    withCore(async (core) => {
      const lines: string[] = [];
      const keeper = await openKeeper(core, 100, lines);
      await core.audit.record(EVENT);
      await keeper.sign();
      await core.store.write((trx) =>
        trx.updateTable("audit").set({ hash: "00" }).where("seq", "=", 1).execute(),
      );
      await core.store.write((trx) => trx.updateTable("audit").set({ body: "{}" }).execute());
      await keeper.stop();
      await core.audit.record(EVENT);
      await core.store.write((trx) =>
        trx
          .updateTable("audit")
          .set({ hash: "11" })
          .where("seq", "=", keeper.newest()?.seq ?? 0)
          .execute(),
      );
      await keeper.sign();
      assert.ok(lines.some((line) => line.includes("does not hold together")));
      const verdict = await core.trail.verify();
      assert.deepEqual([verdict.ok, !verdict.ok && verdict.at], [false, 1]);
    }));
});
