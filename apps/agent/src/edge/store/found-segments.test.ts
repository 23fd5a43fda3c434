import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { openQuickVault } from "../../../test/quick-vault.ts";
import { type CallStore, openCallStore } from "./call-store.ts";
import type { EdgeTotals } from "./store-state.ts";

const BIG = 600_000;

interface Subject {
  readonly folder: string;
  readonly problems: TautlineError[];
  readonly open: (counts?: () => EdgeTotals) => CallStore;
}

async function withStore(use: (subject: Subject) => Promise<void>): Promise<void> {
  const vault = await openQuickVault();
  await withTempFolder(async (path) => {
    const folder = join(path, "kept");
    const problems: TautlineError[] = [];
    const options = {
      folder,
      vault,
      maxBytes: 1024 * BIG,
      maxAgeMs: 60_000,
      now: () => 1_000,
      onProblem: (error: TautlineError) => void problems.push(error),
    };
    const open = (counts?: () => EdgeTotals): CallStore =>
      openCallStore({ ...options, ...(counts && { counts }) });
    await use({ folder, problems, open });
  });
}

/** Calls of the texts' first letters; two fill a segment. */
async function keep(store: CallStore, letters: string): Promise<void> {
  for (const letter of letters) {
    const headers = ["content-type", "application/grpc"];
    const body = Buffer.from(letter.repeat(BIG));
    await store.put({ path: "/a.B/collect", isGrpc: true, headers, client: "app", body });
  }
}

async function drain(store: CallStore): Promise<string> {
  let letters = "";
  for (;;) {
    const some = await store.oldest(8);
    if (some.length === 0) return letters;
    for (const { seq, call } of some) {
      letters += String.fromCodePoint(call.body[0] ?? 0);
      store.delivered(seq);
    }
  }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith("calls-"));
const lossOf = (calls: number) => [{ client: "unknown", reason: "unreadable", calls }];
const codesOf = (problems: readonly TautlineError[]): string[] => problems.map(({ code }) => code);

test("SWP-9: a file that cannot be read at the start is set aside and counted by the numbers around it, and all others are sent", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    await keep(first, "abcdef");
    await first.close();
    const [, middle = ""] = filesIn(folder);
    chmodSync(join(folder, middle), 0o644);
    const second = open();
    assert.deepEqual(second.status.losses, lossOf(2));
    assert.deepEqual([second.status.calls, second.status.aside], [4, 1]);
    assert.equal(await drain(second), "abef");
    const [aside = ""] = filesIn(folder);
    assert.match(aside, /^calls-0{15}3-after-0{15}2\.unreadable$/);
    const [problem] = problems;
    assert.deepEqual(codesOf(problems), ["agent.edge_segment_unreadable"]);
    assert.equal(problem?.detail["file"], join(folder, aside));
    assert.match(String(problem?.detail["reason"]), /0644/);
  }));

test("promise 3: what was set aside is counted once, tried at every start, and sent once it can be read", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    await keep(first, "ab");
    await first.close();
    const [name = ""] = filesIn(folder);
    chmodSync(join(folder, name), 0o644);
    // Killed before it came to anything.
    open();
    const third = open();
    assert.deepEqual([third.status.losses, third.status.aside], [lossOf(1), 1]);
    await keep(third, "cd");
    assert.equal(await drain(third), "cd");
    await third.close();
    assert.equal(problems.length, 2);
    const [aside = ""] = filesIn(folder);
    chmodSync(join(folder, aside), 0o600);
    const fourth = open();
    assert.deepEqual([fourth.status.calls, fourth.status.aside], [2, 0]);
    assert.equal(await drain(fourth), "ab");
    assert.deepEqual([fourth.status.losses, filesIn(folder)], [lossOf(1), []]);
  }));

test("of a file that is set aside when half of it was delivered, only the rest counts, and only the rest is sent later", () =>
  withStore(async ({ folder, open }) => {
    const first = open();
    await keep(first, "abcd");
    for (const { seq } of await first.oldest(1)) first.delivered(seq);
    await first.close();
    const [name = ""] = filesIn(folder);
    chmodSync(join(folder, name), 0o644);
    const second = open();
    assert.deepEqual(second.status.losses, lossOf(1));
    await second.close();
    const aside = filesIn(folder).find((each) => each.endsWith(".unreadable")) ?? "";
    chmodSync(join(folder, aside), 0o600);
    assert.equal(await drain(open()), "bcd");
  }));

test("a file that cannot be read and is done with is no loss, and goes", () =>
  withStore(async ({ folder, problems, open }) => {
    const first = open();
    await keep(first, "abcd");
    await first.close();
    const [name = ""] = filesIn(folder);
    const bytes = readFileSync(join(folder, name));
    const second = open();
    for (const { seq } of await second.oldest(2)) second.delivered(seq);
    await second.close();
    // A crash came between the state and the removal.
    writeFileSync(join(folder, name), bytes, { mode: 0o644 });
    const third = open();
    assert.deepEqual([third.status.losses, third.status.aside, problems], [[], 0, []]);
    assert.equal(await drain(third), "cd");
  }));

test("a folder in a file's place is set aside as well", () =>
  withStore(async ({ folder, problems, open }) => {
    mkdirSync(join(folder, "calls-0000000000000001.kept"), { recursive: true, mode: 0o700 });
    const store = open();
    assert.deepEqual(
      [store.status.aside, codesOf(problems)],
      [1, ["agent.edge_segment_unreadable"]],
    );
    await keep(store, "a");
    assert.equal(await drain(store), "a");
  }));

test("what another vault sealed is refused whole, and not thrown away call by call as damaged", () =>
  withStore(async ({ folder, open }) => {
    const first = open();
    await keep(first, "a");
    await first.close();
    const before = filesIn(folder);
    const options = { folder, maxBytes: BIG, maxAgeMs: 60_000, now: () => 0, onProblem: () => {} };
    const vault = await openQuickVault();
    assert.throws(() => openCallStore({ ...options, vault }), { code: "agent.edge_store_foreign" });
    assert.deepEqual(filesIn(folder), before);
    assert.equal(await drain(open()), "a");
  }));

test("SWP-9: what an edge came to goes on from run to run, and what was kept of it outlives a kill", () =>
  withStore(async ({ open }) => {
    const first = open(() => ({ calls: 5, failed: 1, kept: 3, delivered: 2 }));
    first.countLoss("app", "full");
    first.keep();
    first.countLoss("app", "full");
    const second = open(() => ({ calls: 1, failed: 0, kept: 1, delivered: 0 }));
    assert.deepEqual(second.totals, { calls: 6, failed: 1, kept: 4, delivered: 2 });
    assert.deepEqual(second.status.losses, [{ client: "app", reason: "full", calls: 1 }]);
  }));
