import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { encodeHeader, fileHeaderStore, parseHeader, type VaultHeader } from "./header.ts";

const folder = mkdtempSync(join(tmpdir(), "tautline-header-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const HEADER: VaultHeader = {
  format: 1,
  keyVersion: 2,
  wraps: [
    {
      keyVersion: 2,
      source: "environment",
      derivation: { name: "scrypt", N: 2 ** 17, r: 8, p: 1, salt: Buffer.alloc(16, 1) },
      nonce: Buffer.alloc(12, 2),
      sealed: Buffer.alloc(48, 3),
    },
    {
      keyVersion: 1,
      source: "key-file",
      derivation: { name: "hkdf-sha256", salt: Buffer.alloc(16, 4) },
      nonce: Buffer.alloc(12, 5),
      sealed: Buffer.alloc(48, 6),
    },
  ],
};

/** The header's JSON with one value at a path replaced, or taken away where `value` is undefined. */
function altered(path: readonly (string | number)[], value: unknown): string {
  const copy: unknown = JSON.parse(encodeHeader(HEADER));
  let at: unknown = copy;
  for (const step of path.slice(0, -1)) {
    at = Reflect.get(Object(at), step);
  }
  Reflect.set(Object(at), path.at(-1) ?? "", value);
  return JSON.stringify(copy);
}

function assertMalformed(text: string, pattern: RegExp): void {
  assert.throws(
    () => parseHeader(text),
    (error) => {
      assert.ok(isTautlineError(error), String(error));
      assert.equal(error.code, "vault.header_malformed");
      assert.equal(error.exitCode, 4);
      assert.match(error.message, pattern);
      return true;
    },
    text,
  );
}

test("a header read back is the header written", () => {
  assert.deepEqual(parseHeader(encodeHeader(HEADER)), HEADER);
});

test("every deviation from the form is refused with the path of what is wrong", () => {
  const scrypt = ["wraps", 0, "derivation"] as const;
  const table: readonly [path: readonly (string | number)[], value: unknown, pattern: RegExp][] = [
    [["format"], 2, /header\.format/],
    [["format"], "1", /header\.format/],
    [["format"], undefined, /header\.format is missing/],
    [["keyVersion"], 0, /header\.keyVersion/],
    [["keyVersion"], 1.5, /header\.keyVersion/],
    [["keyVersion"], 2 ** 32, /header\.keyVersion/],
    [["keyVersion"], 3, /no key of header\.keyVersion/],
    [["extra"], 1, /unknown key 'extra'/],
    [["wraps"], [], /header\.wraps is not a list/],
    [["wraps"], {}, /header\.wraps is not a list/],
    [["wraps"], Array.from({ length: 33 }, () => 1), /header\.wraps is not a list/],
    [["wraps", 0], null, /header\.wraps\[0\] is not an object/],
    [["wraps", 0], [], /header\.wraps\[0\] is not an object/],
    [["wraps", 1, "keyVersion"], -1, /header\.wraps\[1\]\.keyVersion/],
    [["wraps", 0, "source"], "tpm", /header\.wraps\[0\]\.source/],
    [["wraps", 0, "source"], undefined, /header\.wraps\[0\]\.source is missing/],
    [["wraps", 0, "note"], "x", /header\.wraps\[0\] has the unknown key 'note'/],
    [["wraps", 0, "nonce"], "AAAA", /nonce is not 12 bytes/],
    [["wraps", 0, "nonce"], 12, /nonce is not 12 bytes/],
    [["wraps", 0, "sealed"], `${"A".repeat(63)}=`, /sealed is not 48 bytes/],
    [["wraps", 0, "sealed"], ` ${"A".repeat(64)}`, /sealed is not 48 bytes/],
    [[...scrypt, "salt"], "", /salt is not 16 bytes/],
    [[...scrypt, "salt"], "A".repeat(21).concat("B"), /salt is not 16 bytes/],
    [[...scrypt, "name"], "argon2id", /derivation\.name is not known/],
    [[...scrypt, "name"], "hkdf-sha256", /unknown key 'N'/],
    [["wraps", 1, "derivation"], "hkdf", /derivation\.name is not known/],
    [["wraps", 1, "derivation", "N"], 1024, /unknown key 'N'/],
  ];
  for (const [path, value, pattern] of table) {
    assertMalformed(altered(path, value), pattern);
  }
});

test("a hostile header cannot ask scrypt for more memory or work than the limits, nor for next to none", () => {
  const table: readonly [cost: { N: unknown; r: unknown; p: unknown }, pattern: RegExp][] = [
    [{ N: 2 ** 19, r: 8, p: 1 }, /\.N is not a whole number/],
    [{ N: 2 ** 31, r: 8, p: 1 }, /\.N is not a whole number/],
    [{ N: 2 ** 18, r: 16, p: 1 }, /\.N is not a whole number/],
    [{ N: 2 ** 9, r: 8, p: 1 }, /\.N is not a whole number/],
    [{ N: 2 ** 17 + 1, r: 8, p: 1 }, /\.N is not a power of two/],
    [{ N: 2 ** 17, r: 33, p: 1 }, /\.r is not a whole number/],
    [{ N: 2 ** 17, r: 0, p: 1 }, /\.r is not a whole number/],
    [{ N: 2 ** 17, r: 8, p: 5 }, /\.p is not a whole number/],
    [{ N: 2 ** 17, r: 8, p: 1e300 }, /\.p is not a whole number/],
    [{ N: "131072", r: 8, p: 1 }, /\.N is not a whole number/],
    [{ N: -131_072, r: 8, p: 1 }, /\.N is not a whole number/],
  ];
  for (const [cost, pattern] of table) {
    const salt = Buffer.alloc(16).toString("base64url");
    assertMalformed(
      altered(["wraps", 0, "derivation"], { name: "scrypt", ...cost, salt }),
      pattern,
    );
  }
  const largest = { name: "scrypt", N: 2 ** 18, r: 8, p: 4, salt: "A".repeat(22) };
  assert.ok(parseHeader(altered(["wraps", 0, "derivation"], largest)));
});

test("one key sealed twice by one kind of source is refused: which of the two counts would be a guess", () => {
  const [wrap] = HEADER.wraps;
  assert.ok(wrap);
  assertMalformed(encodeHeader({ ...HEADER, wraps: [wrap, wrap] }), /one key twice/);
});

test("A19: text that is no JSON, too long, too deep, or with keys twice is refused", () => {
  assertMalformed("", /JSON/);
  assertMalformed(encodeHeader(HEADER).slice(0, -5), /JSON/);
  assertMalformed(`${encodeHeader(HEADER)}${" ".repeat(64 * 1024)}`, /65536/);
  assertMalformed(`${"[".repeat(100)}${"]".repeat(100)}`, /./);
  assertMalformed(encodeHeader(HEADER).replace('"format": 1', '"format": 1, "format": 1'), /./);
  assertMalformed(encodeHeader(HEADER).replace('"format": 1', '"format": 1, "__proto__": {}'), /./);
  for (const text of ["null", "1", '"x"', "[]"]) {
    assertMalformed(text, /header is not an object/);
  }
});

test("a header file that cannot be read locks the vault, naming the file", () => {
  const path = join(folder, "x".repeat(300));
  assert.throws(
    () => fileHeaderStore(path).load(),
    (error) => {
      assert.ok(isTautlineError(error));
      assert.equal(error.code, "vault.header_malformed");
      assert.equal(error.exitCode, 4);
      assert.match(error.message, /ENAMETOOLONG/);
      return true;
    },
  );
});

test("a file store gives back what it saved, and nothing before", async () => {
  const store = fileHeaderStore(join(folder, "vault.json"));
  assert.equal(await store.load(), undefined);
  await store.save("text");
  assert.equal(await store.load(), "text");
});
