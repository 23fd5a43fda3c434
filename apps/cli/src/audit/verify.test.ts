import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkpointToJson, formatTrailLine, type TrailLine } from "@tautline/protocol";
import {
  createTestAuthority,
  createTestTrail,
  type TestTrail,
  withTempFolder,
} from "@tautline/testing";
import { runLine } from "../test-world.ts";

const authority = createTestAuthority();
const DAY_MS = 24 * 60 * 60_000;
const begun = createTestTrail({ authority }).grow(4).sign();
const trail = begun.copy().grow(4).sign();
const restored = begun.copy().wait(DAY_MS).grow(6, "token:later").sign();
const elsewhere = createTestTrail({ authority, central: "00000000-0000-4000-8000-0000000000c2" });

const text = (lines: readonly TrailLine[]): string =>
  lines.map((line) => `${formatTrailLine(line)}\n`).join("");
const checkpointOf = (of: TestTrail): Readonly<Record<string, unknown>> =>
  checkpointToJson(of.checkpoints.at(-1) ?? assert.fail());
const status = (of: TestTrail, forks: readonly TestTrail[] = []) => ({
  id: "0190a000-0000-7000-8000-000000000001",
  audit: {
    head: checkpointOf(of),
    forks: forks.map((fork) => ({ seen: checkpointOf(fork), shown: checkpointOf(of) })),
  },
});
/** As a person's editor or `jq` would leave it: over many lines. */
const pretty = (value: unknown): string => JSON.stringify(value, undefined, 2);

const files: Readonly<Record<string, string>> = {
  "whole.jsonl": text(trail.lines),
  "early.jsonl": text(begun.lines),
  "rewritten.jsonl": text(trail.rewrite(2).lines),
  "restored.jsonl": text(restored.lines),
  "elsewhere.jsonl": text(elsewhere.grow(3).sign().lines),
  "stranger.jsonl": text(createTestTrail().grow(3).sign().lines),
  "cut.jsonl": text(trail.lines.slice(0, 6)),
  "unended.jsonl": text(trail.lines.slice(0, -1)),
  "head.json": pretty(checkpointOf(trail)),
  "stranger.json": pretty(checkpointOf(createTestTrail().grow(3).sign())),
  "status.json": pretty(status(trail)),
  "forked.json": pretty(status(restored, [trail])),
  "nothing.json": pretty({ id: "x", audit: { forks: [] } }),
  "root.pem": authority.rootPem,
  "other.pem": createTestAuthority().rootPem,
};

const cases: [flags: string, code: number, shown: RegExp][] = [
  ["--file whole.jsonl", 0, /All 8 entries are intact\..*\n2 checkpoints are proven/],
  ["--file whole.jsonl --roots root.pem", 0, /up to entry 8\.\n$/],
  ["--file whole.jsonl --roots other.pem", 1, /audit\.another_central/],
  ["--file unended.jsonl", 0, /The export has no end/],
  ["--file rewritten.jsonl", 1, /cli\.audit_broken: .* at entry 1: /],
  ["--file restored.jsonl", 0, /All 10 entries are intact/],
  ["--file whole.jsonl --against early.jsonl", 0, /knows \(4 compared\)/],
  ["--file whole.jsonl --against head.json", 0, /knows \(1 compared\)/],
  ["--file whole.jsonl --against status.json", 0, /knows \(1 compared\)/],
  ["--file rewritten.jsonl --against whole.jsonl", 1, /audit\.rewritten: .*from entry 2 on/],
  ["--file rewritten.jsonl --against head.json", 1, /audit\.rewritten: .*somewhere/],
  ["--file restored.jsonl --against whole.jsonl", 1, /audit\.restored: .*from entry 5 on/],
  ["--file restored.jsonl --against head.json", 1, /audit\.restored: .*from entry 5 on/],
  ["--file restored.jsonl --against forked.json", 1, /audit\.restored/],
  ["--file cut.jsonl --against whole.jsonl", 1, /audit\.truncated: .*before entry 5,/],
  ["--file cut.jsonl --against head.json", 1, /audit\.truncated/],
  ["--file whole.jsonl --against elsewhere.jsonl", 1, /audit\.another_central/],
  ["--file whole.jsonl --against stranger.jsonl", 1, /audit\.export_broken: .*not proven/],
  ["--file whole.jsonl --against stranger.json", 1, /audit\.checkpoint_unproven/],
  ["--file whole.jsonl --against rewritten.jsonl", 1, /audit\.(export_broken|rewritten)/],
  ["--file whole.jsonl --against nothing.json", 1, /cli\.file_unreadable/],
  ["--file root.pem", 1, /audit\.export_malformed: Line 1/],
];

test("audit verify names what is wrong with a trail, by itself and beside what is known of it (A26)", () =>
  withTempFolder(async (folder) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    for (const [flags, code, shown] of cases) {
      const result = await runLine(`audit verify ${flags}`, folder);
      assert.match(result.stdout + result.stderr, shown, flags);
      assert.equal(result.code, code, flags);
    }
  }));

test("audit verify --json is one document that says how far the trail is signed", () =>
  withTempFolder(async (folder) => {
    writeFileSync(join(folder, "whole.jsonl"), files["whole.jsonl"] ?? "");
    const { stdout } = await runLine("audit verify --file whole.jsonl --json", folder);
    const { rootPin, head, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(rootPin, authority.rootPin.toString("hex"));
    assert.equal(head, trail.entries.at(-1)?.hash);
    const signed = { number: 2, seq: 8, at: "2026-01-01T00:00:10Z" };
    assert.deepEqual(rest, {
      ok: true,
      count: 8,
      seq: 8,
      checkpoints: 2,
      signed,
      isComplete: true,
    });
  }));

test("promise 5: an export with an endless line is refused without holding it", () =>
  withTempFolder(async (folder) => {
    writeFileSync(join(folder, "endless"), "x".repeat(2_000_000));
    const { code, stderr } = await runLine("audit verify --file endless", folder);
    assert.equal(code, 1);
    assert.match(stderr, /audit\.export_malformed: .*too long/);
  }));
