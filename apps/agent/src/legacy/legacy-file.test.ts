import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { forgetLegacy, readLegacy, writeLegacy, type LegacyState } from "./legacy-file.ts";

const id = "0190a000-0000-7000-8000-000000000001";
const offer = {
  addresses: ["c:9150"],
  pins: ["cGlu"],
  trustDomain: "fleet.test",
  at: "2026-01-01T00:00:00.000Z",
};
const STATES: readonly LegacyState[] = [
  { id },
  { id, provenLevel: "basic" },
  { id, provenLevel: "advanced", offer },
];

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code && error.message.includes("legacy.json");

async function withFile(use: (file: string) => void): Promise<void> {
  await withTempFolder((folder) => use(join(folder, "legacy.json")));
}

test("what was written is what the next start finds", async () => {
  await withFile((file) => {
    assert.equal(readLegacy(file), undefined);
    for (const state of STATES) {
      writeLegacy(file, state);
      assert.deepEqual(readLegacy(file), state);
    }
    forgetLegacy(file);
    forgetLegacy(file);
    assert.ok(!existsSync(file));
  });
});

test("F12: a file cut anywhere, and one of another shape, is damaged and no new agent", async () => {
  await withFile((file) => {
    writeLegacy(file, { id, provenLevel: "advanced", offer });
    const whole = readFileSync(file, "utf8").trim();
    for (let end = 0; end < whole.length; end += 1) {
      writeFileSync(file, whole.slice(0, end));
      assert.throws(() => readLegacy(file), fails("agent.legacy_damaged"), `cut at ${end}`);
    }
    const shapes = [
      { format: 2, id },
      { format: 1, id: "x" },
      { format: 1 },
      { format: 1, id, more: 1 },
      { format: 1, id, provenLevel: "none" },
      [],
      null,
    ];
    for (const shape of shapes) {
      writeFileSync(file, JSON.stringify(shape));
      assert.throws(() => readLegacy(file), fails("agent.legacy_damaged"));
    }
    writeFileSync(file, Uint8Array.of(0xff, 0xfe));
    assert.throws(() => readLegacy(file), fails("agent.legacy_damaged"));
  });
});

test("A14: a file that others may reach is refused", async () => {
  await withFile((file) => {
    writeLegacy(file, { id });
    chmodSync(file, 0o644);
    assert.throws(() => readLegacy(file), fails("vault.file_unsafe"));
  });
});
