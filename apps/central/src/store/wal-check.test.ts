import assert from "node:assert/strict";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { createSeededRandom, withTempFolder } from "@tautline/testing";
import { refusalOf } from "../fixture-checks.test.ts";
import { openStore } from "./store.ts";
import { findDamage } from "./wal-check.ts";

const COMMITS = 12;

interface Left {
  /** The log as a process that was killed leaves it. */
  readonly log: Buffer;
  /** Where the last commit begins in it. */
  readonly lastAt: number;
}

/** Makes a database with its log beside it, as after a kill; an earlier round of the log lies behind this one if `isReused`. */
function leaveLog(folder: string, { isReused = false } = {}): Left {
  const file = join(folder, "made.db");
  const db = new DatabaseSync(file);
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER, x TEXT)",
  );
  const insert = db.prepare("INSERT INTO t VALUES (?, ?)");
  const commit = (n: number): void => void insert.run(n, "x".repeat(3_000));
  if (isReused) {
    for (let n = 0; n < 4 * COMMITS; n += 1) commit(n);
    db.exec("PRAGMA wal_checkpoint(RESTART)");
  }
  let lastAt = 0;
  for (let n = 0; n < COMMITS; n += 1) {
    if (!isReused) lastAt = statSync(`${file}-wal`).size;
    commit(n);
  }
  const log = readFileSync(`${file}-wal`);
  copyFileSync(file, join(folder, "central.db"));
  db.close();
  return { log, lastAt };
}

function flip(bytes: Buffer, at: number, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
  return flipped;
}

describe("F12: damage in the write-ahead log", () => {
  it("is not seen in a log that a kill left, whole, empty or reused", () =>
    withTempFolder(async (folder) => {
      assert.equal(findDamage(leaveLog(folder).log), undefined);
      assert.equal(findDamage(Buffer.alloc(0)), undefined);
      await withTempFolder(async (other) => {
        assert.equal(findDamage(leaveLog(other, { isReused: true }).log), undefined);
      });
    }));

  it("is not seen where the last commit was cut off at any byte", () =>
    withTempFolder(async (folder) => {
      const { log, lastAt } = leaveLog(folder);
      const { float } = createSeededRandom("cut");
      for (let round = 0; round < 200; round += 1) {
        const cutAt = lastAt + Math.floor(float() * (log.length - lastAt));
        assert.equal(findDamage(log.subarray(0, cutAt)), undefined);
        // Room that was taken and not written yet.
        const zeroed = Buffer.concat([log.subarray(0, cutAt), Buffer.alloc(log.length - cutAt)]);
        assert.equal(findDamage(zeroed), undefined);
      }
    }));

  it("is found for one bit anywhere before the last commit", () =>
    withTempFolder(async (folder) => {
      const { log, lastAt } = leaveLog(folder);
      const { float } = createSeededRandom("F12 log");
      for (let round = 0; round < 1_000; round += 1) {
        const [at, bit] = [Math.floor(float() * lastAt), Math.floor(float() * 8)];
        assert.notEqual(findDamage(flip(log, at, bit)), undefined, `bit ${bit} of byte ${at}`);
      }
    }));

  it("stops the start, by the name of the log, and leaves it as it is", () =>
    withTempFolder(async (folder) => {
      const { log, lastAt } = leaveLog(folder);
      const file = join(folder, "central.db");
      const damaged = flip(log, Math.floor(lastAt / 2), 3);
      writeFileSync(`${file}-wal`, damaged);
      const { detail } = await refusalOf(openStore(file), "store.damaged");
      assert.equal(detail["file"], `${file}-wal`);
      assert.deepEqual(readFileSync(`${file}-wal`), damaged);
    }));
});
