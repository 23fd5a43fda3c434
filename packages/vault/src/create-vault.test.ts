import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import * as fc from "fast-check";
import { createVault } from "./create-vault.ts";
import { environmentSource } from "./key-source.ts";
import type { Vault } from "./vault.ts";

const PLACE = { table: "tokens", row: "7", column: "secret" };
const source = environmentSource("TAUTLINE_KEY", "unused here");

function vaultWith(versions: Readonly<Record<number, number>>, keyVersion: number): Vault {
  const keys = new Map(
    Object.entries(versions).map(([version, fill]) => [Number(version), Buffer.alloc(32, fill)]),
  );
  return createVault({ keys, keyVersion, source });
}

function failsWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isTautlineError(error) && error.code === code;
}

test("text comes back as it was, whatever characters it holds", () => {
  const vault = vaultWith({ 1: 1 }, 1);
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      (text) => {
        const sealed = vault.sealText(PLACE, text);
        assert.match(sealed, /^[A-Za-z0-9_-]+$/);
        assert.equal(vault.openText(PLACE, sealed), text);
      },
    ),
  );
});

test("text that would not come back the same is refused before it is sealed", () => {
  const vault = vaultWith({ 1: 1 }, 1);
  assert.throws(() => vault.sealText(PLACE, "half \ud800 pair"), failsWith("vault.text_malformed"));
});

test("sealed text in any other spelling of base64 is refused", () => {
  const vault = vaultWith({ 1: 1 }, 1);
  const sealed = vault.sealText(PLACE, "value");
  for (const spelling of [`${sealed}=`, ` ${sealed}`, `${sealed}\n`, `${sealed}!`, ""]) {
    assert.throws(() => vault.openText(PLACE, spelling), failsWith("vault.field_damaged"));
  }
});

test("the same value sealed twice looks different each time", () => {
  const vault = vaultWith({ 1: 1 }, 1);
  const seen = new Set(Array.from({ length: 100 }, () => vault.sealText(PLACE, "value")));
  assert.equal(seen.size, 100);
});

test("a vault with two key versions seals by the newer and opens both", () => {
  const old = vaultWith({ 1: 1 }, 1).sealText(PLACE, "old");
  const vault = vaultWith({ 1: 1, 2: 2 }, 2);
  const sealed = vault.seal(PLACE, Buffer.from("new"));
  assert.equal(sealed.readUInt32BE(1), 2);
  assert.equal(vault.openText(PLACE, old), "old");
  assert.equal(vault.open(PLACE, sealed).toString(), "new");
  assert.throws(() => vaultWith({ 1: 1 }, 1).open(PLACE, sealed), failsWith("vault.field_damaged"));
});

test("closing wipes the keys from memory, and every later use is refused", () => {
  const key = Buffer.alloc(32, 7);
  const vault = createVault({ keys: new Map([[1, key]]), keyVersion: 1, source });
  const sealed = vault.seal(PLACE, Buffer.from("x"));
  const text = vault.sealText(PLACE, "x");
  vault.close();
  assert.deepEqual(key, Buffer.alloc(32));
  for (const use of [
    () => vault.seal(PLACE, Buffer.from("x")),
    () => vault.open(PLACE, sealed),
    () => vault.sealText(PLACE, "x"),
    () => vault.openText(PLACE, text),
  ]) {
    assert.throws(use, failsWith("vault.closed"));
  }
  assert.equal(vault.status().source, "environment");
  vault.close();
});
