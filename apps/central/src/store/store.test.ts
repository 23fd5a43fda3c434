import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { sql } from "kysely";
import { modeOf, refusalOf, snapshotOf } from "../fixture-checks.test.ts";
import { isHealthy, retryWrite } from "./store-health.ts";
import { openStore, type Store } from "./store.ts";

const PAGE_BYTES = 4096;

const withFile = <T>(use: (file: string, folder: string) => Promise<T>): Promise<T> =>
  withTempFolder((folder) => use(join(folder, "central.db"), folder));

const put = (store: Store, key: string, value: string): Promise<unknown> =>
  store.write((trx) => trx.insertInto("meta").values({ key, value }).execute());

/** What a test has put, without the seals of the tables. */
const keysOf = async (store: Store): Promise<string[]> => {
  const rows = await store.read((db) =>
    db.selectFrom("meta").select("key").orderBy("key").execute(),
  );
  return rows.map((row) => row.key).filter((key) => !key.startsWith("seal"));
};

/** A store with some pages of content, closed. */
async function filled(file: string): Promise<void> {
  const store = await openStore(file);
  for (let at = 0; at < 40; at += 1) await put(store, `key ${at}`, "x".repeat(1_000));
  await store.close();
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

describe("openStore", () => {
  it("makes a database that it opens again with everything in it", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      await put(store, "a", "1");
      await store.close();
      const again = await openStore(file);
      assert.deepEqual(await keysOf(again), ["a"]);
      await again.close();
    }));

  it("promise 3: forces every commit to the disk, in a write-ahead log that one process holds", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      const pragma = async (name: string): Promise<unknown> => {
        const { rows } = await store.read((db) => sql`pragma ${sql.raw(name)}`.execute(db));
        return Object.values(rows[0] ?? {})[0];
      };
      assert.equal(await pragma("journal_mode"), "wal");
      assert.equal(await pragma("synchronous"), 2);
      assert.equal(await pragma("locking_mode"), "exclusive");
      assert.equal(await pragma("foreign_keys"), 1);
      assert.equal(await pragma("trusted_schema"), 0);
      await store.close();
    }));

  it("A14: makes files of mode 0600 although the umask takes nothing away", () =>
    withFile(async (file, folder) => {
      const umask = process.umask(0);
      try {
        const store = await openStore(file);
        await put(store, "a", "1");
        assert.deepEqual(
          Object.entries(snapshotOf(folder)).map(([name, facts]) => [name, facts.split(" ")[0]]),
          [
            ["central.db", "600"],
            ["central.db-wal", "600"],
          ],
        );
        await store.close();
      } finally {
        process.umask(umask);
      }
    }));

  it("A14: closes a database that stands open to others", () =>
    withFile(async (file) => {
      await filled(file);
      execFileSync("chmod", ["666", file]);
      await (await openStore(file)).close();
      assert.equal(modeOf(file), "600");
    }));

  it("refuses a database that is in use, and leaves the one who uses it undisturbed", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      const refusal = await refusalOf(openStore(file), "store.locked");
      assert.ok(refusal.message.includes(file));
      await put(store, "a", "1");
      await store.close();
      await (await openStore(file)).close();
    }));

  it("refuses a database of a newer Tautline and changes nothing", () =>
    withFile(async (file, folder) => {
      await filled(file);
      const raw = new DatabaseSync(file);
      raw.exec("INSERT INTO kysely_migration VALUES ('9999-later', '2030-01-01T00:00:00Z')");
      raw.close();
      const before = snapshotOf(folder);
      await refusalOf(openStore(file), "store.newer_schema");
      assert.deepEqual(snapshotOf(folder), before);
    }));

  it("says by the operating system's word why a file cannot be made", () =>
    withTempFolder(async (folder) => {
      const refusal = await refusalOf(openStore(join(folder, "no", "central.db")), "store.failed");
      assert.match(refusal.message, /ENOENT/);
    }));

  it("refuses a folder in place of the database", () =>
    withFile(async (file) => {
      mkdirSync(file);
      assert.match((await refusalOf(openStore(file), "store.failed")).message, /EISDIR/);
    }));
});

describe("openStore on a damaged file", () => {
  const damages: { name: string; damage: (file: string) => void }[] = [
    {
      name: "a file that is no database",
      damage: (file) => writeFileSync(file, "agents: []\n".repeat(2_000)),
    },
    { name: "a short file that is no database", damage: (file) => writeFileSync(file, "x") },
    {
      name: "a file of no bytes, which would become a new central",
      damage: (file) => truncateSync(file, 0),
    },
    { name: "a file cut at a page", damage: (file) => truncateSync(file, 3 * PAGE_BYTES) },
    { name: "a file cut inside a page", damage: (file) => truncateSync(file, 3 * PAGE_BYTES + 17) },
    { name: "a file cut inside its header", damage: (file) => truncateSync(file, 50) },
    {
      name: "a page of zeros",
      damage: (file) => overwrite(file, PAGE_BYTES, new Uint8Array(PAGE_BYTES)),
    },
    {
      name: "F12: a page whose kind was flipped",
      damage: (file) => {
        const at = 2 * PAGE_BYTES;
        overwrite(file, at, Uint8Array.of((readFileSync(file)[at] ?? 0) ^ 0x40));
      },
    },
    {
      name: "a page whose cells point beyond its end",
      damage: (file) => overwrite(file, PAGE_BYTES + 3, Uint8Array.of(0xff, 0xff)),
    },
    {
      name: "a flipped header",
      damage: (file) => overwrite(file, 0, Uint8Array.of(0x53 ^ 1)),
    },
  ];
  for (const { name, damage } of damages) {
    it(`refuses ${name} and changes nothing`, () =>
      withFile(async (file, folder) => {
        await filled(file);
        damage(file);
        const before = snapshotOf(folder);
        const refusal = await refusalOf(openStore(file), "store.damaged");
        assert.ok(refusal.message.includes(file));
        assert.match(refusal.remedy, /backup/);
        assert.deepEqual(snapshotOf(folder), before);
      }));
  }
});

describe("openStore after a start that was cut off", () => {
  it("F1: leaves no table of a migration that failed half way", () =>
    withFile(async (file) => {
      // A table of the last step stands in the way of the first migration: everything before it must be taken back.
      const raw = new DatabaseSync(`${file}.new`);
      raw.exec("CREATE TABLE audit (x)");
      raw.close();
      await refusalOf(openStore(file), "store.failed");
      assert.equal(existsSync(file), false);
      const after = new DatabaseSync(`${file}.new`);
      const tables = after.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      after.exec("DROP TABLE audit");
      after.close();
      assert.deepEqual(
        tables.map((row) => row["name"]).filter((name) => !String(name).startsWith("kysely")),
        ["audit"],
      );
      await (await openStore(file)).close();
    }));

  const leftovers: { name: string; leave: (file: string) => Promise<void> | void }[] = [
    { name: "before its first byte", leave: (file) => writeFileSync(`${file}.new`, "") },
    {
      name: "before its first table",
      leave: (file) => {
        const raw = new DatabaseSync(`${file}.new`);
        raw.exec("PRAGMA journal_mode = WAL");
        raw.close();
      },
    },
    {
      name: "when it was complete and had no name yet",
      leave: async (file) => {
        await (await openStore(`${file}.new`)).close();
      },
    },
    {
      name: "when it had both names",
      leave: async (file) => {
        await (await openStore(file)).close();
        execFileSync("ln", [file, `${file}.new`]);
      },
    },
  ];
  for (const { name, leave } of leftovers) {
    it(`F1: goes on with a new database that was left ${name}`, () =>
      withFile(async (file, folder) => {
        await leave(file);
        const store = await openStore(file);
        await put(store, "a", "1");
        await store.close();
        assert.deepEqual(Object.keys(snapshotOf(folder)), ["central.db"]);
      }));
  }
});

describe("Store.write", () => {
  it("leaves nothing of a transaction that throws, and passes its error on as it is", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      const failure = new Error("changed my mind");
      await assert.rejects(
        store.write(async (trx) => {
          await trx.insertInto("meta").values({ key: "a", value: "1" }).execute();
          throw failure;
        }),
        failure,
      );
      assert.deepEqual(await keysOf(store), []);
      assert.equal(store.trouble(), undefined);
      await store.close();
    }));

  it("lets works run one after the other, and reads see only what was committed", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      const gate = Promise.withResolvers<void>();
      const first = store.write(async (trx) => {
        await trx.insertInto("meta").values({ key: "a", value: "1" }).execute();
        await gate.promise;
        await trx.deleteFrom("meta").execute();
        await trx.insertInto("meta").values({ key: "b", value: "1" }).execute();
      });
      let isRead = false;
      const seen = keysOf(store).finally(() => (isRead = true));
      const second = put(store, "c", "1");
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      assert.equal(isRead, false);
      gate.resolve();
      await Promise.all([first, second]);
      const keys = await seen;
      // What was asked for after it may or may not be in it.
      assert.deepEqual(
        keys.filter((key) => key !== "c"),
        ["b"],
      );
      assert.deepEqual(await keysOf(store), ["b", "c"]);
      await store.close();
    }));

  it("refuses rows that point nowhere", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      const orphan = {
        id: "t",
        namespace: "nowhere",
        sealed_secret_hash: Buffer.alloc(1),
        uses_allowed: 1,
        uses_made: 0,
        created_at: 1,
        created_by: "x",
        expires_at: 2,
        revoked_at: null,
      };
      const work = store.write((trx) => trx.insertInto("tokens").values(orphan).execute());
      assert.match((await refusalOf(work, "store.failed")).message, /FOREIGN KEY/);
      await store.close();
    }));

  it("F11: says that the disk is full, acknowledges nothing, and goes on when there is room", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      const pages = async (pragma: string): Promise<void> => {
        await store.read((db) => sql`pragma ${sql.raw(pragma)}`.execute(db));
      };
      await pages("max_page_count = 1");
      assert.equal(await isHealthy(store), true);
      await retryWrite(store);
      assert.deepEqual(await keysOf(store), []);
      const big = "x".repeat(100_000);
      const refusal = await refusalOf(put(store, "big", big), "store.full");
      assert.equal(refusal.status, 503);
      assert.equal(store.trouble()?.code, "store.full");
      await refusalOf(put(store, "big", big), "store.full");
      assert.deepEqual(await keysOf(store), []);
      assert.equal(await isHealthy(store), false);
      await pages("max_page_count = 100000");
      await retryWrite(store);
      assert.equal(store.trouble(), undefined);
      assert.equal(await isHealthy(store), true);
      await put(store, "big", big);
      assert.deepEqual(await keysOf(store), ["big", "last_retry"]);
      await store.close();
    }));

  it("refuses everything after it was closed, also a second time", () =>
    withFile(async (file) => {
      const store = await openStore(file);
      await store.close();
      await store.close();
      await assert.rejects(put(store, "a", "1"));
      await assert.rejects(keysOf(store));
      assert.equal(await isHealthy(store), false);
    }));
});
