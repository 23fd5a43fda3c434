import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseAuditCheckpoint } from "@tautline/protocol";
import { createTestAuthority, createTestTrail, type TestTrail } from "@tautline/testing";
import * as fc from "fast-check";
import { compareTrail, type KnownPoint, type TrailComparisonVerdict } from "./trail-comparison.ts";

const authority = createTestAuthority();
const DAY_MS = 24 * 60 * 60_000;
const timeOf = (body: string): number => Date.parse((JSON.parse(body) as { at: string }).at);

const entriesOf = (trail: TestTrail): KnownPoint[] =>
  trail.entries.map(({ seq, hash, body }) => ({ seq, hash, atMs: timeOf(body) }));
const checkpointOf = (trail: TestTrail): KnownPoint[] => {
  const { seq, head, atMs } = parseAuditCheckpoint(trail.checkpoints.at(-1)?.body ?? "");
  return [{ seq, hash: head, atMs }];
};

async function compare(
  trail: TestTrail,
  known: readonly KnownPoint[],
): Promise<TrailComparisonVerdict> {
  const comparison = compareTrail(iterate(known));
  for (const { seq, hash, body } of trail.entries) {
    await comparison.note({ seq, hash, atMs: () => timeOf(body) });
  }
  return comparison.finish();
}

async function* iterate(points: readonly KnownPoint[]): AsyncGenerator<KnownPoint> {
  yield* points;
}

const seen = createTestTrail({ authority }).grow(10).sign();
const backup = createTestTrail({ authority });
backup.grow(6);
/** Of the same keys: the seen trail is the backup, gone on with. */
const gone = backup.copy().grow(4).sign();
const restored = backup.copy().wait(DAY_MS).grow(8, "token:later");

const cases: [
  name: string,
  trail: TestTrail,
  known: readonly KnownPoint[],
  verdict: TrailComparisonVerdict,
][] = [
  ["itself, entry by entry", seen, entriesOf(seen), { kind: "same", compared: 10 }],
  ["itself, by a checkpoint", seen, checkpointOf(seen), { kind: "same", compared: 1 }],
  [
    "what it was before it grew",
    seen.copy().grow(5),
    entriesOf(seen),
    { kind: "same", compared: 10 },
  ],
  ["nothing", seen, [], { kind: "same", compared: 0 }],
  [
    "a trail of which an entry was rewritten",
    seen.rewrite(4),
    entriesOf(seen),
    { kind: "rewritten", at: 4, isExact: true, known: 10 },
  ],
  [
    "the same, by a checkpoint alone",
    seen.rewrite(4),
    checkpointOf(seen),
    { kind: "rewritten", at: 1, isExact: false, known: 10 },
  ],
  [
    "a longer one: the end was cut off",
    backup,
    entriesOf(gone),
    { kind: "truncated", at: 7, isExact: true, known: 10 },
  ],
  [
    "the same, by a checkpoint",
    backup,
    checkpointOf(gone),
    { kind: "truncated", at: 7, isExact: true, known: 10 },
  ],
  [
    "one that was longer before an older copy was put back",
    restored,
    entriesOf(gone),
    { kind: "restored", at: 7, isExact: true, known: 10 },
  ],
  [
    "the same, by a checkpoint",
    restored,
    checkpointOf(gone),
    { kind: "restored", at: 7, isExact: true, known: 10 },
  ],
  [
    "the same, before it has become as long again",
    backup.copy().wait(DAY_MS).grow(1, "token:later"),
    checkpointOf(gone),
    { kind: "restored", at: 7, isExact: true, known: 10 },
  ],
];

describe("a trail compared with", () => {
  for (const [name, trail, known, verdict] of cases) {
    test(`A26: ${name}: ${verdict.kind}`, async () => {
      assert.deepEqual(await compare(trail, known), verdict);
    });
  }

  test("any part of itself is the same, and with any one hash changed it is not", () =>
    fc.assert(
      fc.asyncProperty(
        fc.subarray(entriesOf(seen), { minLength: 1 }),
        fc.nat(),
        async (known, pick) => {
          assert.equal((await compare(seen, known)).kind, "same");
          const at = pick % known.length;
          const point = known[at] ?? assert.fail();
          const verdict = await compare(seen, known.with(at, { ...point, hash: "other" }));
          assert.equal(verdict.kind, "rewritten");
          assert.ok(verdict.kind === "rewritten" && verdict.at <= point.seq);
        },
      ),
    ));
});
