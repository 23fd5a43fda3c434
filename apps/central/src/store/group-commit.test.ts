import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { sql } from "kysely";
import { createGroupCommit, type GroupCommit, MOST_WRITES_TOGETHER } from "./group-commit.ts";
import { openStore, type Store } from "./store.ts";

/** A database of one list, which counts its commits and may fail. */
interface ListDatabase {
  readonly writes: GroupCommit<string[]>;
  readonly committed: string[];
  /** What each commit held. */
  readonly commits: string[][];
  /** Commits wait for this. */
  gate: Promise<void>;
  /** The next commit fails with this. */
  failure: Error | undefined;
  /** The next work that is taken back takes all with it, as a full disk does. */
  givesUp: boolean;
}

function createListDatabase(): ListDatabase {
  let open: string[] = [];
  let mark = 0;
  const list: ListDatabase = {
    committed: [],
    commits: [],
    gate: Promise.resolve(),
    failure: undefined,
    givesUp: false,
    writes: createGroupCommit<string[]>({
      transaction: async (work) => {
        open = [];
        await work(open);
        await list.gate;
        const { failure } = list;
        list.failure = undefined;
        if (failure !== undefined) throw failure;
        list.commits.push(open);
        list.committed.push(...open);
      },
      savepoints: {
        set: () => void (mark = open.length),
        keep: () => {},
        takeBack: () => {
          open.length = mark;
          return !list.givesUp;
        },
        isOpen: () => !list.givesUp,
      },
    }),
  };
  return list;
}

const push = (list: ListDatabase, text: string): Promise<string> =>
  list.writes.add(async (db) => {
    db.push(text);
    return text;
  });

const fail = (list: ListDatabase, error: Error): Promise<never> =>
  list.writes.add(async (db) => {
    db.push("half done");
    throw error;
  });

describe("createGroupCommit", () => {
  it("lets writes that wait together share one commit, in their order, each with its own result", async () => {
    const list = createListDatabase();
    assert.deepEqual(await Promise.all(["a", "b", "c"].map((text) => push(list, text))), [
      "a",
      "b",
      "c",
    ]);
    assert.deepEqual(list.commits, [["a", "b", "c"]]);
  });

  it("A21: acknowledges nothing before the commit", async () => {
    const list = createListDatabase();
    const gate = Promise.withResolvers<void>();
    list.gate = gate.promise;
    const told: string[] = [];
    const works = [push(list, "a"), fail(list, new Error("no")), push(list, "b")].map((work) =>
      work.then(
        () => told.push("kept"),
        () => told.push("refused"),
      ),
    );
    // The commit is under way when its first work has run and some turns have passed.
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    assert.deepEqual([told, list.commits], [[], []]);
    gate.resolve();
    await Promise.all(works);
    assert.deepEqual(told, ["kept", "refused", "kept"]);
  });

  it("takes back a work that throws, and it alone", async () => {
    const list = createListDatabase();
    const failure = new Error("changed my mind");
    const first = push(list, "a");
    const second = fail(list, failure);
    const third = push(list, "c");
    await assert.rejects(second, failure);
    await Promise.all([first, third]);
    assert.deepEqual(list.commits, [["a", "c"]]);
  });

  it("F11: refuses all of a commit that failed, and goes on with the next", async () => {
    const list = createListDatabase();
    list.failure = new Error("disk full");
    const both = await Promise.allSettled([push(list, "a"), push(list, "b")]);
    assert.deepEqual(
      both.map((one) => one.status === "rejected" && String(one.reason)),
      ["Error: disk full", "Error: disk full"],
    );
    await push(list, "c");
    assert.deepEqual(list.committed, ["c"]);
  });

  it("F11: refuses all of a commit that the database gave up in the middle of a work", async () => {
    const list = createListDatabase();
    list.givesUp = true;
    const works = [push(list, "a"), fail(list, new Error("disk full")), push(list, "b")];
    const all = await Promise.allSettled(works);
    assert.deepEqual(
      all.map((one) => one.status),
      ["rejected", "rejected", "rejected"],
    );
    assert.deepEqual(list.committed, []);
  });

  it("shares a commit among so many and no more", async () => {
    const list = createListDatabase();
    const texts = Array.from({ length: MOST_WRITES_TOGETHER + 1 }, (_, at) => `${at}`);
    await Promise.all(texts.map((text) => push(list, text)));
    assert.deepEqual(
      list.commits.map((commit) => commit.length),
      [MOST_WRITES_TOGETHER, 1],
    );
    assert.deepEqual(list.committed, texts);
  });

  it("takes a single statement into the same commit, and refuses it alone where it fails", async () => {
    const list = createListDatabase();
    const first = push(list, "a");
    const statement = list.writes.addStatement(() => {});
    const failure = new Error("no such row");
    const failing = list.writes.addStatement(() => {
      throw failure;
    });
    await assert.rejects(failing, failure);
    assert.equal(await statement, undefined);
    await Promise.all([first, push(list, "b")]);
    assert.deepEqual(list.committed, ["a", "b"]);
    assert.deepEqual(list.commits[0], ["a"]);
  });

  it("F11: refuses all of a commit that the database gave up in the middle of a statement", async () => {
    const list = createListDatabase();
    list.givesUp = true;
    const first = push(list, "a");
    const failing = list.writes.addStatement(() => {
      throw new Error("disk full");
    });
    const both = await Promise.allSettled([first, failing]);
    assert.deepEqual(
      both.map((one) => one.status),
      ["rejected", "rejected"],
    );
  });

  it("says that it has nothing waiting when all is done, also after failures", async () => {
    const list = createListDatabase();
    assert.equal(list.writes.pending(), undefined);
    list.failure = new Error("disk full");
    const refused = push(list, "a");
    assert.ok(list.writes.pending() !== undefined);
    await list.writes.pending();
    await assert.rejects(refused);
    await push(list, "b");
    await new Promise(setImmediate);
    assert.equal(list.writes.pending(), undefined);
  });
});

const put = (store: Store, key: string, value = "1"): Promise<unknown> =>
  store.write((trx) => trx.insertInto("meta").values({ key, value }).execute());

const keysOf = async (store: Store): Promise<string[]> =>
  (
    await store.read((db) =>
      db
        .selectFrom("meta")
        .select("key")
        .where("key", "not like", "seal%")
        .orderBy("key")
        .execute(),
    )
  ).map((row) => row.key);

const withStore = (use: (store: Store) => Promise<void>): Promise<void> =>
  withTempFolder(async (folder) => {
    const store = await openStore(join(folder, "central.db"));
    try {
      await use(store);
    } finally {
      await store.close();
    }
  });

describe("Store.write, several at once", () => {
  it("keeps the others where one breaks a rule of the database after its first change", () =>
    withStore(async (store) => {
      const before = put(store, "a");
      const breaking = store.write(async (trx) => {
        await trx.insertInto("meta").values({ key: "half", value: "1" }).execute();
        await trx.insertInto("meta").values({ key: "a", value: "again" }).execute();
      });
      const after = put(store, "c");
      const [first, second, third] = await Promise.allSettled([before, breaking, after]);
      assert.equal(first.status, "fulfilled");
      assert.match(String(second.status === "rejected" && second.reason), /UNIQUE/);
      assert.equal(third.status, "fulfilled");
      assert.deepEqual(await keysOf(store), ["a", "c"]);
    }));

  it("lets a work see what those before it in the same commit changed", () =>
    withStore(async (store) => {
      const first = put(store, "a");
      const seen = store.write((trx) =>
        trx.selectFrom("meta").select("key").where("key", "not like", "seal%").execute(),
      );
      assert.deepEqual(
        (await seen).map(({ key }) => key),
        ["a"],
      );
      await first;
    }));

  it("lets a read see every write that was asked for before it", () =>
    withStore(async (store) => {
      const writes = ["a", "b", "c"].map((key) => put(store, key));
      assert.deepEqual(await keysOf(store), ["a", "b", "c"]);
      await Promise.all(writes);
    }));

  it("F11: a full disk refuses all that stood in the commit, and keeps none of it", () =>
    withStore(async (store) => {
      await store.read((db) => sql`pragma max_page_count = 1`.execute(db));
      const works = [put(store, "a", "x"), put(store, "big", "x".repeat(100_000))];
      const [, big] = await Promise.allSettled(works);
      assert.equal(big?.status, "rejected");
      await store.read((db) => sql`pragma max_page_count = 100000`.execute(db));
      assert.ok(!(await keysOf(store)).includes("big"));
      await put(store, "b");
      assert.ok((await keysOf(store)).includes("b"));
    }));
});
