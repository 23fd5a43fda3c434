import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import type { Vault } from "@tautline/vault";
import { openQuickVault } from "../../../test/quick-vault.ts";
import { type CallStore, openCallStore } from "./call-store.ts";
import type { KeptCall } from "./kept-call.ts";

const call = (text: string, client = "app"): KeptCall => ({
  path: "/skywalking.v3.TraceSegmentReportService/collect",
  isGrpc: true,
  headers: ["content-type", "application/grpc"],
  client,
  body: Buffer.from(text),
});

interface Subject {
  readonly folder: string;
  readonly problems: TautlineError[];
  nowMs: number;
  readonly open: (change?: { maxBytes?: number }) => CallStore;
}

async function withStore(use: (subject: Subject) => Promise<void>): Promise<void> {
  const vault: Vault = await openQuickVault();
  await withTempFolder(async (path) => {
    const folder = join(path, "kept");
    const problems: TautlineError[] = [];
    const opened: CallStore[] = [];
    const subject: Subject = {
      folder,
      problems,
      nowMs: 1_000_000,
      open: ({ maxBytes = 16 * 1024 * 1024 } = {}) => {
        const store = openCallStore({
          folder,
          vault,
          maxBytes,
          maxAgeMs: 60_000,
          now: () => subject.nowMs,
          onProblem: (error) => problems.push(error),
        });
        opened.push(store);
        return store;
      },
    };
    await use(subject);
    for (const store of opened) await store.close();
  });
}

async function drain(store: CallStore, most = 2): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const some = await store.oldest(most);
    if (some.length === 0) return texts;
    for (const {
      seq,
      call: { body },
    } of some) {
      texts.push(Buffer.from(body).toString());
      store.delivered(seq);
    }
  }
}

const segments = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".kept"));

test("SWP-9: calls come back whole and in order, and nothing is left once they are delivered", () =>
  withStore(async ({ folder, open }) => {
    const store = open();
    await Promise.all(["a", "b", "c"].map((text) => store.put(call(text))));
    await store.put(call("d"));
    assert.deepEqual(
      (await store.oldest(1)).map(({ call: one }) => one),
      [call("a")],
    );
    assert.equal(store.status.calls, 4);
    assert.deepEqual(await drain(store), ["a", "b", "c", "d"]);
    assert.deepEqual(store.status, { calls: 0, bytes: 0, losses: [], aside: 0 });
    assert.deepEqual(segments(folder), []);
  }));

test("promise 3: what was acknowledged is there again after the process ended without a word", () =>
  withStore(async ({ open }) => {
    const first = open();
    for (const text of ["a", "b", "c"]) await first.put(call(text));
    const second = open();
    assert.equal(second.status.calls, 3);
    await second.put(call("d"));
    assert.deepEqual(await drain(open()), ["a", "b", "c", "d"]);
  }));

test("an agent that stops in order sends nothing twice", () =>
  withStore(async ({ open }) => {
    const first = open();
    for (const text of ["a", "b", "c"]) await first.put(call(text));
    for (const { seq } of await first.oldest(2)) first.delivered(seq);
    await first.close();
    const second = open();
    assert.equal(second.status.calls, 1);
    await second.put(call("d"));
    assert.deepEqual(await drain(second), ["c", "d"]);
  }));

test("promise 6: no text of a call stands on the disk", () =>
  withStore(async ({ folder, open }) => {
    const store = open();
    await store.put(call("a secret word"));
    await store.close();
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      assert.ok(!bytes.includes("secret word") && !bytes.includes("TraceSegment"));
    }
  }));

test("A full store takes no further call, says so, and loses none that it took", () =>
  withStore(async ({ open }) => {
    const store = open({ maxBytes: 1_000 });
    await store.put(call("a".repeat(300)));
    await assert.rejects(store.put(call("b".repeat(600), "other")), (error) => {
      assert.ok(isTautlineError(error));
      assert.deepEqual([error.code, error.status], ["agent.edge_store_full", 503]);
      return true;
    });
    assert.deepEqual(store.status.losses, [{ client: "other", reason: "full", calls: 1 }]);
    assert.equal((await drain(store)).length, 1);
    await store.put(call("b".repeat(600)));
  }));

test("a call that is exactly as long as the room left is kept, and one byte more is not", () =>
  withStore(async ({ open }) => {
    const probe = open();
    await probe.put(call("x"));
    const { bytes } = probe.status;
    await drain(probe);
    const exact = open({ maxBytes: bytes });
    await exact.put(call("y"));
    await drain(exact);
    const less = open({ maxBytes: bytes - 1 });
    await assert.rejects(less.put(call("z")), { code: "agent.edge_store_full" });
  }));

test("SWP-9: what has become too old is dropped and counted by its client, also by a later run", () =>
  withStore(async (subject) => {
    const first = subject.open();
    await first.put(call("a", "old app"));
    subject.nowMs += 30_000;
    await first.put(call("b"));
    await first.close();
    subject.nowMs += 30_000;
    const second = subject.open();
    assert.deepEqual(await drain(second), ["b"]);
    const losses = [{ client: "old app", reason: "age", calls: 1 }];
    assert.deepEqual(second.status.losses, losses);
    assert.deepEqual(subject.open().status.losses, losses);
  }));

test("what the backend refuses for good is counted, once", () =>
  withStore(async ({ open }) => {
    const store = open();
    await store.put(call("a"));
    const [stored] = await store.oldest(1);
    assert.ok(stored);
    store.refused(stored);
    store.refused(stored);
    assert.deepEqual(store.status.losses, [{ client: "app", reason: "refused", calls: 1 }]);
    assert.deepEqual(await drain(store), []);
  }));

test("a damaged record is skipped, counted and named; those around it are sent", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    for (const text of ["a", "b", "c"]) await first.put(call(text));
    await first.close();
    const [name = ""] = segments(folder);
    const bytes = readFileSync(join(folder, name));
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(join(folder, name), bytes);
    const second = open();
    assert.deepEqual(await drain(second), ["a", "c"]);
    assert.deepEqual(second.status.losses, [{ client: "unknown", reason: "damage", calls: 1 }]);
    assert.deepEqual(
      problems.map(({ code, detail }) => [code, detail["file"], detail["place"]]),
      [["agent.edge_record_damaged", join(folder, name), "record 2"]],
    );
    assert.deepEqual(open().status, { calls: 0, bytes: 0, losses: second.status.losses, aside: 0 });
  }));

test("F5: a record that was being written when the agent was killed is no loss, and hinders nothing", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    for (const text of ["a", "b"]) await first.put(call(text));
    const [name = ""] = segments(folder);
    truncateSync(join(folder, name), readFileSync(join(folder, name)).length - 5);
    const second = open();
    await second.put(call("c"));
    assert.deepEqual(await drain(second), ["a", "c"]);
    assert.deepEqual([second.status.losses, problems], [[], []]);
  }));

test("a state that cannot be read costs duplicates, which is said, and no call", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    for (const text of ["a", "b"]) await first.put(call(text));
    for (const { seq } of await first.oldest(1)) first.delivered(seq);
    await first.close();
    writeFileSync(join(folder, "state.json"), "{");
    assert.deepEqual(await drain(open()), ["a", "b"]);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["agent.edge_state_damaged"],
    );
  }));

test("promise 3: a file that cannot be read now is told and passed over, and its calls are sent by a later run that can", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    for (const text of ["a", "b"]) await first.put(call(text));
    await first.close();
    const second = open();
    const file = join(folder, segments(folder)[0] ?? "");
    // Open to others, it is not read.
    chmodSync(file, 0o644);
    await second.put(call("c"));
    assert.deepEqual(await drain(second), ["c"]);
    assert.deepEqual([second.status.calls, second.status.losses], [2, []]);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["vault.file_unsafe"],
    );
    await second.close();
    chmodSync(file, 0o600);
    const third = open();
    await third.put(call("d"));
    assert.deepEqual(await drain(third), ["a", "b", "d"]);
    assert.deepEqual(third.status, { calls: 0, bytes: 0, losses: [], aside: 0 });
  }));

test("a disk that takes no more refuses the call and counts it; once it does, calls are kept again", () =>
  withStore(async ({ folder, open }) => {
    const store = open();
    // A folder of the segment's name is in the way.
    mkdirSync(join(folder, "calls-0000000000000001.kept"));
    await assert.rejects(store.put(call("a")), { code: "agent.edge_store_failed" });
    assert.deepEqual(store.status, {
      calls: 0,
      bytes: 0,
      losses: [{ client: "app", reason: "disk", calls: 1 }],
      aside: 0,
    });
    await store.put(call("b"));
    assert.deepEqual(await drain(store), ["b"]);
  }));

test("F11: where the state cannot be written, what was delivered makes room all the same, and is not sent again", () =>
  withStore(async ({ folder, problems, open }) => {
    const store = open();
    for (const text of ["a", "b"]) await store.put(call(text));
    rmSync(join(folder, "state.json"));
    mkdirSync(join(folder, "state.json"));
    assert.deepEqual(await drain(store), ["a", "b"]);
    assert.deepEqual([segments(folder), store.status.bytes], [[], 0]);
    assert.ok(problems.some(({ code }) => code === "vault.file_unsafe"));
    rmdirSync(join(folder, "state.json"));
    const again = open();
    await again.put(call("c"));
    assert.deepEqual(await drain(again), ["c"]);
  }));

test("SWP-9: a loss is on the disk at once, and those of the minute after it with the next", () =>
  withStore(async (subject) => {
    const store = subject.open();
    const lost = (): number => subject.open().status.losses[0]?.calls ?? 0;
    store.countLoss("app", "busy");
    assert.equal(lost(), 1);
    store.countLoss("app", "busy");
    assert.equal(lost(), 1);
    subject.nowMs += 60_000;
    store.countLoss("app", "busy");
    assert.equal(lost(), 3);
  }));

test("a store of many segments is sent in order across them, and each goes when it is done with", () =>
  withStore(async ({ folder, open }) => {
    const store = open();
    const texts = Array.from({ length: 6 }, (_, at) => String(at).repeat(600_000));
    for (const text of texts) await store.put(call(text));
    await store.close();
    assert.equal(segments(folder).length, 3);
    const again = open();
    for (const { seq } of await again.oldest(8)) again.delivered(seq);
    assert.equal(segments(folder).length, 2);
    assert.deepEqual(await drain(again), texts.slice(2));
    assert.deepEqual(segments(folder), []);
  }));
