import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LEVELS, type Level } from "@tautline/protocol";
import { hearsLevel, judgeLevel, type LevelledCaller, type LevelVerdict } from "./level-rule.ts";

const rows: readonly (readonly [
  accepted: readonly Level[],
  level: Level,
  shows: LevelledCaller["shows"],
  verdict: LevelVerdict,
])[] = [
  [["tls", "mtls"], "mtls", "certificate", "accepted"],
  [["tls", "mtls"], "tls", "nothing", "accepted"],
  [["tls", "mtls"], "tls", "token", "accepted"],
  [["tls", "mtls"], "plaintext", "nothing", "closed"],
  [["tls", "mtls"], "basic", "nothing", "closed"],
  [["tls", "mtls"], "advanced", "nothing", "closed"],
  [["tls"], "mtls", "certificate", "accepted"],
  [["mtls"], "mtls", "certificate", "accepted"],
  [["mtls"], "tls", "nothing", "certificate needed"],
  [["mtls"], "tls", "token", "accepted"],
  [["mtls"], "tls", "certificate", "accepted"],
  [["basic"], "basic", "nothing", "accepted"],
  [["basic"], "basic", "token", "token in the open"],
  [["basic"], "advanced", "nothing", "closed"],
  [["basic"], "tls", "token", "closed"],
  [["basic"], "mtls", "certificate", "closed"],
  [["advanced"], "advanced", "nothing", "accepted"],
  [["advanced"], "advanced", "token", "token in the open"],
  [["advanced"], "basic", "nothing", "closed"],
  [["plaintext"], "plaintext", "nothing", "accepted"],
  [["plaintext"], "plaintext", "token", "token in the open"],
  [["mtls"], "plaintext", "token", "token in the open"],
  [["plaintext"], "tls", "nothing", "closed"],
  [[], "mtls", "certificate", "closed"],
];

for (const [accepted, level, shows, verdict] of rows) {
  const where = accepted.length === 0 ? "nothing" : accepted.join(" and ");
  test(`where ${where} is accepted, a caller at ${level} that shows ${shows}: ${verdict}`, () => {
    assert.equal(judgeLevel({ level, shows }, accepted), verdict);
  });
}

test("no caller comes in at a level that is neither accepted nor more than one that is", () => {
  const levels = fc.subarray([...LEVELS]);
  const caller = fc.record({
    level: fc.constantFrom(...LEVELS),
    shows: fc.constantFrom<LevelledCaller["shows"]>("token", "certificate", "nothing"),
  });
  fc.assert(
    fc.property(levels, caller, (accepted, who) => {
      const verdict = judgeLevel(who, accepted);
      if (verdict !== "token in the open") {
        assert.equal(verdict === "closed", !hearsLevel(who.level, accepted));
      }
      if (verdict !== "accepted") return;
      const isMore = who.level === "mtls" && accepted.includes("tls");
      const joins = who.level === "tls" && who.shows !== "nothing" && accepted.includes("mtls");
      assert.ok(accepted.includes(who.level) || isMore || joins);
    }),
  );
});
