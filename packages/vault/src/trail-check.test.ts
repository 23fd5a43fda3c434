import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  formatTrailLine,
  isTautlineError,
  parseTrailLine,
  type TrailLine,
} from "@tautline/protocol";
import {
  createTestAuthority,
  createTestTrail,
  openByHead,
  type TestTrail,
} from "@tautline/testing";
import * as fc from "fast-check";
import { chainHash } from "./hash-chain.ts";
import { createTrailCheck, type TrailFault } from "./trail-check.ts";

const authority = createTestAuthority();

/** Ten entries, signed behind the fourth, the eighth and the last. */
const made = (): TestTrail =>
  createTestTrail({ authority }).grow(4).sign().grow(4).sign().grow(2).sign();
const trail = made();
const { lines } = trail;

function firstFault(all: readonly TrailLine[]): TrailFault | undefined {
  const check = createTrailCheck(openByHead);
  for (const line of all) {
    const fault = check.add(line);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The lines with one replaced, by what it is. */
function change(
  type: TrailLine["type"],
  nth: number,
  to: (line: never) => TrailLine[],
): TrailLine[] {
  let seen = 0;
  return lines.flatMap((line) => {
    if (line.type !== type) return [line];
    seen += 1;
    return seen === nth ? to(line as never) : [line];
  });
}

describe("a trail", () => {
  test("that nobody changed holds together, and says how far it is signed", () => {
    const check = createTrailCheck(openByHead);
    for (const line of lines) assert.equal(check.add(line), undefined);
    const { count, seq, checkpoints, newest, isEnded } = check.state;
    assert.deepEqual(
      { count, seq, checkpoints, isEnded },
      { count: 10, seq: 10, checkpoints: 3, isEnded: true },
    );
    assert.equal(newest?.seq, 10);
  });

  test("from a later entry on holds together by itself, its checkpoints too", () => {
    const before = trail.entries[4] ?? assert.fail();
    const rest = lines.slice(lines.indexOf(before) + 1);
    const head = { ...trail.head, seq: before.seq, hash: before.hash };
    assert.equal(firstFault([head, ...rest]), undefined);
  });

  test("that is followed may have a checkpoint some entries behind the one it names", () => {
    const at = lines.findIndex((line) => line.type === "checkpoint");
    const late = [
      ...lines.slice(0, at),
      ...lines.slice(at + 1, at + 3),
      lines[at] ?? assert.fail(),
      ...lines.slice(at + 3),
    ];
    assert.equal(firstFault(late), undefined);
  });
});

const other = createTestTrail({ authority, central: "00000000-0000-4000-8000-0000000000c2" })
  .grow(4)
  .sign();
const stranger = createTestTrail().grow(4).sign();
const foreign = (of: TestTrail): TrailLine[] => [
  { type: "checkpoint", checkpoint: of.checkpoints[0] ?? assert.fail() },
];

/** What somebody with central's files can do to a trail; `at` is the first entry that cannot be believed. */
const corpus: [name: string, lines: readonly TrailLine[], at: number, reason: RegExp][] = [
  [
    "an entry rewritten and all after it hashed anew",
    trail.rewrite(6).lines,
    5,
    /rewritten, and all after/,
  ],
  [
    "the first entry rewritten and all hashed anew",
    trail.rewrite(1).lines,
    1,
    /rewritten, and all after/,
  ],
  [
    "its last entries deleted",
    lines.filter((line) => line.type !== "entry" || line.seq <= 8),
    9,
    /cut off/,
  ],
  ["an entry deleted", change("entry", 3, () => []), 4, /entry 3 is missing/],
  ["an entry put in twice", change("entry", 3, (line) => [line, line]), 3, /entry 4 is missing/],
  [
    "two entries exchanged",
    lines.with(2, lines[3] ?? assert.fail()).with(3, lines[2] ?? assert.fail()),
    3,
    /entry 2 is missing/,
  ],
  [
    "a body changed",
    change("entry", 7, (line: Extract<TrailLine, { type: "entry" }>) => [
      { ...line, body: `${line.body} ` },
    ]),
    7,
    /not what was hashed/,
  ],
  [
    "an entry hashed anew by itself",
    change("entry", 7, (line: Extract<TrailLine, { type: "entry" }>) => [
      { ...line, body: "x", hash: chainHash(line.previous, "x") },
    ]),
    8,
    /does not follow/,
  ],
  ["a checkpoint removed", change("checkpoint", 2, () => []), 5, /checkpoint 2 is missing/],
  [
    "a checkpoint by another root's key",
    change("checkpoint", 1, () => foreign(stranger)),
    1,
    /not proven/,
  ],
  [
    "a checkpoint of another central",
    change("checkpoint", 1, () => foreign(other)),
    1,
    /another central/,
  ],
  [
    "a checkpoint put in twice",
    change("checkpoint", 2, (line) => [line, line]),
    8,
    /checkpoint 3 is missing/,
  ],
  ["something behind its end", [...lines, ...foreign(trail)], 10, /behind the end/],
  ["another end", change("end", 1, () => [{ type: "end", seq: 9, hash: "" }]), 11, /should end/],
  ["a second head", [trail.head, ...lines], 0, /a second time/],
  ["no head", lines.slice(1), 0, /begin with its head/],
  [
    "a head in the middle of nothing",
    [{ ...trail.head, seq: 3 }, ...lines.slice(1)],
    0,
    /can begin/,
  ],
];

for (const [name, changed, at, reason] of corpus) {
  test(`A21, F12: is found with ${name}`, () => {
    const fault = firstFault(changed);
    assert.ok(fault);
    assert.equal(fault.at, at, fault.reason);
    assert.match(fault.reason, reason);
  });
}

test("A26: an older copy that went on by itself holds together: only a comparison finds it", () => {
  const restored = createTestTrail({ authority }).grow(4).sign();
  assert.equal(firstFault(restored.copy().grow(6).sign().lines), undefined);
});

test("F12: any single changed byte anywhere in an export is found", () => {
  const text = lines.map(formatTrailLine).join("\n");
  const bytes = Buffer.from(text);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ flip;
      assert.ok(isFound(changed.toString("utf8")), `byte ${at}`);
    }),
    { numRuns: 1_000 },
  );
});

/** A root that cannot be read is the business of whoever reads the head. */
function isFound(text: string): boolean {
  try {
    return firstFault(text.split("\n").map((line) => parseTrailLine(line))) !== undefined;
  } catch (error) {
    return isTautlineError(error) || error instanceof Error;
  }
}
