import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { createLedger, ledgerOn, noLedger, type LedgerEntry, type LedgerFile } from "./ledger.ts";

const entry = (sequence: number): LedgerEntry => ({
  agent: "0190a000-0000-7000-8000-000000000001",
  sequence,
  hash: "ab",
  atMs: 1_000 + sequence,
});

/** Records in order what was done to the file; each sync waits until the test lets it go. */
function fakeFile({ failAt }: { failAt?: "appendFile" | "datasync" } = {}) {
  const done: string[] = [];
  const disk = Object.assign(new Error("no space"), { code: "ENOSPC" });
  const handle: LedgerFile = {
    appendFile: async (text) => {
      if (typeof text === "string") done.push(text);
      if (failAt === "appendFile") throw disk;
    },
    datasync: async () => {
      done.push("sync");
      if (failAt === "datasync") throw disk;
    },
    close: async () => void done.push("close"),
  };
  return { handle, done };
}

test("an entry is one JSON line, on the disk when the promise resolves", () =>
  withTempFolder(async (folder) => {
    const file = join(folder, "ledger.jsonl");
    const ledger = await createLedger(file);
    await ledger.append(entry(1));
    assert.equal(readFileSync(file, "utf8"), `${JSON.stringify(entry(1))}\n`);
    await ledger.append(entry(2));
    await ledger.close();
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [entry(1), entry(2)],
    );
  }));

test("A14: the file is for its owner alone", () =>
  withTempFolder(async (folder) => {
    const file = join(folder, "ledger.jsonl");
    await (await createLedger(file)).close();
    assert.equal(statSync(file).mode & 0o777, 0o600);
  }));

test("the record of an earlier run is not written over", () =>
  withTempFolder(async (folder) => {
    const file = join(folder, "ledger.jsonl");
    writeFileSync(file, "kept");
    await assert.rejects(createLedger(file), (error) => {
      assert.ok(isTautlineError(error));
      assert.equal(error.code, "swarm.ledger_failed");
      assert.match(error.message, /EEXIST/);
      return true;
    });
    assert.equal(readFileSync(file, "utf8"), "kept");
  }));

test("what comes together is written and synced together, in order", async () => {
  const { handle, done } = fakeFile();
  const ledger = ledgerOn(handle, "ledger");
  await Promise.all([1, 2, 3].map((sequence) => ledger.append(entry(sequence))));
  assert.deepEqual(done, [[1, 2, 3].map((n) => `${JSON.stringify(entry(n))}\n`).join(""), "sync"]);
});

test("an entry that comes while another is written is not lost and waits for its own sync", async () => {
  const { handle, done } = fakeFile();
  const ledger = ledgerOn(handle, "ledger");
  await ledger.append(entry(1));
  const second = ledger.append(entry(2));
  assert.equal(done.length, 2);
  await second;
  assert.deepEqual(done.slice(2), [`${JSON.stringify(entry(2))}\n`, "sync"]);
});

test("closing writes what is left", async () => {
  const { handle, done } = fakeFile();
  const ledger = ledgerOn(handle, "ledger");
  const last = ledger.append(entry(1));
  await ledger.close();
  await last;
  assert.deepEqual(done, [`${JSON.stringify(entry(1))}\n`, "sync", "close"]);
});

function isOurs(error: unknown): boolean {
  return (
    isTautlineError(error) &&
    error.code === "swarm.ledger_failed" &&
    /the\.ledger.*ENOSPC/.test(error.message)
  );
}

for (const failAt of ["appendFile", "datasync"] as const) {
  test(`F11: after a failed ${failAt} nothing is acknowledged, then or later`, async () => {
    const { handle } = fakeFile({ failAt });
    const ledger = ledgerOn(handle, "the.ledger");
    await assert.rejects(ledger.append(entry(1)), isOurs);
    await assert.rejects(ledger.append(entry(2)), isOurs);
    await assert.rejects(ledger.close(), isOurs);
  });
}

test("without a ledger everything counts at once", async () => {
  await noLedger.append(entry(1));
  await noLedger.close();
});
