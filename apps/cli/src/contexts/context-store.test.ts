import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatOperatorToken, isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import {
  findContext,
  parseContexts,
  readContexts,
  type StoredContext,
  writeContexts,
} from "./context-store.ts";

const TOKEN = formatOperatorToken({ id: "0".repeat(16), secret: new Uint8Array(32) });
const LAB: StoredContext = {
  name: "lab",
  host: "192.0.2.1",
  port: 8443,
  trustDomain: "fleet.test",
  rootPin: "0a".repeat(32),
  operator: "ana",
  token: TOKEN,
};

const withCode = (code: string) => (error: unknown) => {
  assert.ok(isTautlineError(error), String(error));
  assert.equal(error.code, code);
  return true;
};

test("A14: contexts are kept in a file of mode 0600 in a folder of mode 0700, whatever the umask", () =>
  withTempFolder((folder) => {
    const umask = process.umask(0);
    try {
      const configDir = join(folder, "a", "tautline");
      writeContexts({ configDir }, { current: "lab", items: [LAB] });
      const file = join(configDir, "contexts.json");
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(statSync(configDir).mode & 0o777, 0o700);
      assert.deepEqual(readContexts({ configDir }), { current: "lab", items: [LAB] });
    } finally {
      process.umask(umask);
    }
  }));

test("a file that others may read is refused, for a token stands in it", () =>
  withTempFolder((configDir) => {
    writeContexts({ configDir }, { current: undefined, items: [LAB] });
    chmodSync(join(configDir, "contexts.json"), 0o644);
    assert.throws(() => readContexts({ configDir }), withCode("vault.file_unsafe"));
  }));

test("the named context is taken, else the one in use, else none", () =>
  withTempFolder((configDir) => {
    const plant = { ...LAB, name: "plant" };
    assert.equal(findContext({ configDir }, undefined), undefined);
    writeContexts({ configDir }, { current: "lab", items: [LAB, plant] });
    assert.deepEqual(findContext({ configDir }, undefined), LAB);
    assert.deepEqual(findContext({ configDir }, "plant"), plant);
    assert.throws(() => findContext({ configDir }, "nowhere"), withCode("cli.context_unknown"));
    writeContexts({ configDir }, { current: undefined, items: [LAB] });
    assert.equal(findContext({ configDir }, undefined), undefined);
  }));

test("without a home there is nothing to read, and nowhere to write", () => {
  assert.deepEqual(readContexts({}), { current: undefined, items: [] });
  const contexts = { current: undefined, items: [] };
  assert.throws(() => writeContexts({}, contexts), withCode("cli.no_config_folder"));
});

const DAMAGED: readonly (readonly [string, unknown])[] = [
  ["another format", { format: 2, current: null, items: [] }],
  ["a list", []],
  ["a current that is no name", { format: 1, current: 1, items: [] }],
  ["a port too high", { format: 1, current: null, items: [{ ...LAB, port: 65_536 }] }],
  ["half a pin", { format: 1, current: null, items: [{ ...LAB, rootPin: "0a" }] }],
  [
    "a pin in capitals",
    { format: 1, current: null, items: [{ ...LAB, rootPin: "0A".repeat(32) }] },
  ],
  ["no trust domain", { format: 1, current: null, items: [{ ...LAB, trustDomain: "" }] }],
  ["half a token", { format: 1, current: null, items: [{ ...LAB, token: TOKEN.slice(0, -1) }] }],
  ["no name", { format: 1, current: null, items: [{ ...LAB, name: "" }] }],
];

for (const [what, document] of DAMAGED) {
  test(`a file with ${what} is refused as a whole, and its token is not shown`, () =>
    withTempFolder((folder) => {
      const configDir = join(folder, "tautline");
      mkdirSync(configDir, { mode: 0o700 });
      const file = join(configDir, "contexts.json");
      writeFileSync(file, JSON.stringify(document), { mode: 0o600 });
      assert.throws(
        () => readContexts({ configDir }),
        (error) => {
          assert.equal(String(error).includes("tautline-op."), false);
          return withCode("cli.contexts_malformed")(error);
        },
      );
      assert.equal(readFileSync(file, "utf8"), JSON.stringify(document));
    }));
}

test("any text gives contexts or a refusal of ours", () => {
  const document = JSON.stringify({ format: 1, current: "lab", items: [LAB] });
  assert.equal(parseContexts(document).items.length, 1);
  fc.assert(
    fc.property(fc.nat(document.length), fc.string({ maxLength: 3 }), (at, inserted) => {
      try {
        parseContexts(document.slice(0, at) + inserted + document.slice(at + 1));
      } catch (error) {
        assert.ok(isTautlineError(error), String(error));
      }
    }),
    { numRuns: 500 },
  );
});
