import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { openCheckpoint, type ProvenCheckpoint } from "@tautline/pki";
import { isTautlineError } from "@tautline/protocol";
import { createTestAuthority, createTestTrail, type TestTrail } from "@tautline/testing";
import { judgeHead } from "./head-rule.ts";

const authority = createTestAuthority();
const trust = { roots: [new X509Certificate(authority.rootPem)], trustDomain: "fleet.test" };
const at = (trail: TestTrail, number: number): ProvenCheckpoint =>
  openCheckpoint(trail.checkpoints[number - 1] ?? assert.fail(), trust);
const bodies = (trail: TestTrail, from: number, to: number): string[] =>
  trail.checkpoints.slice(from - 1, to).map(({ body }) => body);

/** Five checkpoints, one an entry; `other` is the same up to the second and goes its own way. */
const begun = createTestTrail({ authority }).grow(1).sign().grow(1).sign();
const trail = begun.copy().grow(1).sign().grow(1).sign().grow(1).sign();
const other = begun.copy().grow(3, "token:other").sign().grow(1).sign();
const shorter = createTestTrail({ authority, central: "00000000-0000-4000-8000-0000000000c2" })
  .grow(1)
  .sign();

describe("what central shows of its trail", () => {
  const cases: [
    name: string,
    head: number | undefined,
    of: TestTrail,
    earlier: [number, number],
    newest: number,
    verdict: string,
  ][] = [
    ["is taken by one who has seen nothing", undefined, trail, [1, 0], 4, "newer"],
    ["is the same again", 3, trail, [1, 0], 3, "same"],
    ["leads on by one", 3, trail, [1, 0], 4, "newer"],
    ["leads on by several, each shown", 2, trail, [3, 4], 5, "newer"],
    ["begins before what was seen", 3, trail, [1, 4], 5, "newer"],
    ["leads on, but not from what was seen", 2, trail, [1, 0], 5, "gap"],
    ["leads on later, and never from what was seen", 1, trail, [3, 4], 5, "gap"],
    ["A26: is older than what was seen", 4, trail, [1, 0], 3, "fork: it is older"],
    [
      "A26: is another one of the same number",
      3,
      other,
      [1, 0],
      3,
      "fork: checkpoint 3 is another",
    ],
    ["A26: does not follow what was seen", 3, other, [1, 0], 4, "fork: checkpoint 3 is another"],
    [
      "A26: shows another in place of what was seen",
      3,
      other,
      [2, 3],
      4,
      "fork: checkpoint 3 is another",
    ],
    ["is of another database", 1, shorter, [1, 0], 1, "fork: it is of another database"],
  ];
  for (const [name, head, of, [from, to], newest, verdict] of cases) {
    test(`${name}: ${verdict}`, () => {
      const seen = head === undefined ? undefined : at(trail, head);
      const judged = judgeHead(seen, bodies(of, from, to), at(of, newest));
      const text = judged.kind === "fork" ? `fork: ${judged.what}` : judged.kind;
      assert.ok(text.startsWith(verdict), text);
    });
  }

  const broken: [name: string, earlier: readonly string[]][] = [
    ["one left out", [...bodies(trail, 2, 2), ...bodies(trail, 4, 4)]],
    ["one of another branch", bodies(other, 3, 4)],
    ["the same twice", bodies(trail, 5, 5)],
    ["something that is none", ["hello"]],
  ];
  for (const [name, earlier] of broken) {
    test(`is refused where what leads to it has ${name}`, () => {
      assert.throws(
        () => judgeHead(at(trail, 1), earlier, at(trail, 5)),
        (error) => isTautlineError(error) && error.code.startsWith("audit.checkpoint_"),
      );
    });
  }
});
