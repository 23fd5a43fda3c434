import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { ACTS_WHEN_SHOWN, HOSTILE_TEXTS } from "@tautline/testing";
import * as fc from "fast-check";
import { createLog } from "./log.ts";

/** What one call writes, in every place of a line that takes text from elsewhere. */
function linesOf(text: string): string[] {
  const lines: string[] = [];
  const log = createLog("central", "debug", { write: (line) => void lines.push(line) });
  const cause = Object.assign(new Error(text), { code: text });
  log.info({ from: text, agent: text, userAgent: text, [text.slice(0, 50)]: text }, text);
  log.error({ err: new TautlineError("api.not_found", { cause, detail: { thing: text } }) }, text);
  log.warn({ nested: { deep: { er: text }, list: [text] } }, "a list");
  return lines;
}

function assertInert(lines: readonly string[]): void {
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.ok(line.endsWith("\n"));
    assert.equal(ACTS_WHEN_SHOWN.test(line.slice(0, -1)), false);
    assert.ok(line.length < 100_000, `a line of ${line.length} characters`);
    JSON.parse(line);
  }
}

describe("A27: a line of the log", () => {
  for (const text of HOSTILE_TEXTS) {
    test(`stays one line and inert with ${JSON.stringify(text.slice(0, 24))}`, () => {
      assertInert(linesOf(text));
    });
  }

  test("stays one line and inert with any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assertInert(linesOf(text))));
  });

  test("says the same as before it was made inert", () => {
    const [line = ""] = linesOf("a\u202Eb\u2028c");
    assert.equal((JSON.parse(line) as { msg: string }).msg, "a\u202Eb\u2028c");
  });
});
