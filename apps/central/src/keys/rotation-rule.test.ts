import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type RotationStep, stepRotation, type VersionStanding } from "./rotation-rule.ts";

/** `1 current, 2 next` */
function read(text: string): VersionStanding[] {
  return text.split(", ").flatMap((part) => {
    const [version, state] = part.split(" ");
    if (state !== "current" && state !== "next" && state !== "previous") return [];
    return [{ version: Number(version), state }];
  });
}

function outcome(text: string, step: RotationStep, fresh = 9): string {
  const result = stepRotation(read(text), step, fresh);
  if (!result.ok) return `refused: ${result.reason}`;
  const versions = result.versions.map(({ version, state }) => `${version} ${state}`).join(", ");
  return result.ended === undefined ? versions : `${versions}; ${result.ended} ended`;
}

const TABLE: [from: string, step: RotationStep, to: string][] = [
  ["1 current", "install", "1 current, 9 next"],
  ["1 current", "use", "refused: no next version is installed"],
  ["1 current", "remove", "refused: it has one version only"],
  ["1 current", "undo", "refused: no next version is installed"],
  ["1 current, 2 next", "install", "refused: version 2 is installed already"],
  ["1 current, 2 next", "use", "2 current, 1 previous"],
  ["1 current, 2 next", "remove", "refused: version 2 is not in use yet"],
  ["1 current, 2 next", "undo", "1 current; 2 ended"],
  ["2 current, 1 previous", "install", "refused: version 1 is not removed yet"],
  ["2 current, 1 previous", "use", "refused: no next version is installed"],
  ["2 current, 1 previous", "remove", "2 current; 1 ended"],
  ["2 current, 1 previous", "undo", "refused: no next version is installed"],
  ["2 next", "use", "refused: it has no version in use"],
  ["", "install", "refused: it has no version in use"],
];

describe("OVP-3: the rotation of a key", () => {
  for (const [from, step, to] of TABLE) {
    it(`'${from}' and ${step}: ${to}`, () => assert.equal(outcome(from, step), to));
  }

  it("keeps one version in use and at most two alive, whatever is asked for in whatever order", () => {
    const steps = fc.array(fc.constantFrom<RotationStep[]>("install", "use", "remove", "undo"));
    fc.assert(
      fc.property(steps, (asked) => {
        let versions: readonly VersionStanding[] = [{ version: 1, state: "current" }];
        for (const [index, step] of asked.entries()) {
          const before = versions.find(({ state }) => state === "current");
          const result = stepRotation(versions, step, index + 2);
          if (!result.ok) continue;
          ({ versions } = result);
          assert.ok(versions.length <= 2);
          assert.equal(versions.filter(({ state }) => state === "current").length, 1);
          assert.ok(versions.some(({ version }) => version === before?.version) || step === "undo");
          assert.notEqual(result.ended, before?.version, "what is in use is never ended");
        }
      }),
    );
  });
});
