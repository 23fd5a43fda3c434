import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidArgumentError } from "commander";
import { countValue, durationValue, portValue, timeValue } from "./option-values.ts";

type Read = (text: string) => number;

const ACCEPTED: readonly (readonly [Read, string, number])[] = [
  [portValue, "0", 0],
  [portValue, "65535", 65_535],
  [countValue, "1", 1],
  [countValue, "1000000", 1_000_000],
  [durationValue, "90s", 90_000],
  [durationValue, "15m", 900_000],
  [durationValue, "24h", 86_400_000],
  [durationValue, "30d", 2_592_000_000],
  [timeValue, "2026-11-22T10:03:15Z", Date.parse("2026-11-22T10:03:15Z")],
  [timeValue, "2026-11-22T11:03:15.25+01:00", Date.parse("2026-11-22T10:03:15.250Z")],
];

const REFUSED: readonly (readonly [Read, readonly string[]])[] = [
  [portValue, ["65536", "-1", "1.0", "", " 1", "01", "0x50", "1e3", "99999999999"]],
  [countValue, ["0", "1000001", "x", "1 "]],
  [durationValue, ["", "15", "m", "1.5h", "-1s", "1h30m"]],
  [timeValue, ["", "now", "2026-11-22", "2026-11-22T10:03:15", "2026-13-22T10:03:15Z", "1"]],
];

test("numbers, durations and times are read in the one form that the documentation names", () => {
  for (const [read, text, value] of ACCEPTED) assert.equal(read(text), value, text);
});

test("everything else is a usage mistake, not a guess", () => {
  for (const [read, texts] of REFUSED) {
    for (const text of texts) {
      assert.throws(() => read(text), InvalidArgumentError, `${read.name} '${text}'`);
    }
  }
});
