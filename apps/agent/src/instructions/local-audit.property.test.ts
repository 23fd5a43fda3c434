import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ACTS_WHEN_SHOWN, HOSTILE_TEXTS, withTempFolder } from "@tautline/testing";
import * as fc from "fast-check";
import { openLocalAudit } from "./local-audit.ts";

test("A27: what central said stays one line of the agent's own trail, inert and bounded", () =>
  withTempFolder((folder) => {
    const file = join(folder, "audit.jsonl");
    const audit = openLocalAudit(file, () => 0);
    const any = fc.sample(fc.string({ unit: "binary" }), 50);
    const texts = [...HOSTILE_TEXTS, ...any];
    for (const text of texts) audit.append("instruction.refused", { text, what: text });
    audit.close();
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    assert.equal(lines.length, texts.length);
    for (const line of lines) {
      assert.equal(ACTS_WHEN_SHOWN.test(line), false);
      assert.ok(line.length < 20_000);
    }
    assert.equal(openLocalAudit(file, () => 0).finding, undefined);
  }));
