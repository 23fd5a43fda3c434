import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLevels, isTautlineError, LEVELS, type Level } from "@tautline/protocol";
import { joinedLevel, legacyLevel } from "./level-rule.ts";

const MAYBE: readonly (Level | undefined)[] = [undefined, ...LEVELS];

function outcome(decide: () => Level): string {
  try {
    return decide();
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return error.code;
  }
}

test("a joined agent dials at mtls unless told, and never below its floor or what was proven (A24)", () => {
  for (const asked of MAYBE) {
    for (const floor of MAYBE) {
      for (const proven of MAYBE) {
        const level = asked ?? "mtls";
        const expected =
          compareLevels(level, floor ?? "mtls") < 0
            ? "agent.level_below_floor"
            : compareLevels(level, proven ?? "plaintext") < 0
              ? "agent.level_lowered"
              : level;
        assert.equal(
          outcome(() => joinedLevel({ asked, floor, proven })),
          expected,
        );
      }
    }
  }
});

test("an agent without an identity has the floor that its file sets, and none else", () => {
  for (const asked of LEVELS) {
    const facts = { asked, floor: undefined, proven: undefined };
    assert.equal(legacyLevel(facts), asked);
    assert.equal(
      outcome(() => legacyLevel({ ...facts, proven: "mtls" })),
      asked === "mtls" ? "mtls" : "agent.level_lowered",
    );
  }
  const facts = { asked: "basic", floor: "advanced", proven: undefined } as const;
  assert.equal(
    outcome(() => legacyLevel(facts)),
    "agent.level_below_floor",
  );
});

test("the refusals name both settings, and the way to allow it", () => {
  assert.throws(
    () => joinedLevel({ asked: "basic", floor: undefined, proven: undefined }),
    /'central\.level' is 'basic' and 'floor' is 'mtls'/,
  );
  assert.throws(
    () => legacyLevel({ asked: "plaintext", floor: undefined, proven: "advanced" }),
    (error) =>
      isTautlineError(error) && error.remedy.includes("'tautline agent lower-floor plaintext'"),
  );
});
