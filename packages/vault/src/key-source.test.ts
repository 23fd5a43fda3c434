import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { environmentSource, generatedKeyFileSource, passphraseFileSource } from "./key-source.ts";

const folder = mkdtempSync(join(tmpdir(), "tautline-source-"));
let count = 0;

after(() => {
  rmSync(folder, { recursive: true });
});

function fileWith(content: string | Buffer): string {
  count += 1;
  const path = join(folder, `file-${count}`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

function failsWith(code: ErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTautlineError(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    assert.equal(error.exitCode, 4);
    return true;
  };
}

test("RS-12: a passphrase variable gives its bytes, and shows its name only", () => {
  const source = environmentSource("TAUTLINE_MPASSWD", "pässword");
  assert.deepEqual(source.read(), Buffer.from("pässword", "utf8"));
  assert.equal(source.where, "variable TAUTLINE_MPASSWD");
  assert.equal(source.strength, "depends on the passphrase");
  assert.doesNotMatch(JSON.stringify(source), /pässword/);
});

test("a variable that is not set is absent, one that is set to nothing is a mistake", () => {
  assert.equal(environmentSource("TAUTLINE_KEY", undefined).read(), undefined);
  const empty = environmentSource("TAUTLINE_KEY", "");
  assert.throws(() => empty.read(), failsWith("vault.source_malformed", /TAUTLINE_KEY .*empty/));
});

test("a passphrase of 4,096 bytes is taken, one byte more is refused", () => {
  assert.equal(environmentSource("X", "x".repeat(4096)).read()?.length, 4096);
  for (const source of [
    environmentSource("X", "x".repeat(4097)),
    environmentSource("X", "ä".repeat(2049)),
    passphraseFileSource(fileWith("x".repeat(4097))),
  ]) {
    assert.throws(() => source.read(), failsWith("vault.source_malformed", /longer than 4096/));
  }
  assert.equal(passphraseFileSource(fileWith(`${"x".repeat(4096)}\r\n`)).read()?.length, 4096);
});

test("one line end after the passphrase does not count, everything else does", () => {
  for (const [content, passphrase] of [
    ["secret", "secret"],
    ["secret\n", "secret"],
    ["secret\r\n", "secret"],
    ["secret\n\n", "secret\n"],
    ["secret\r", "secret\r"],
    [" secret ", " secret "],
    ["two\nlines\n", "two\nlines"],
  ] as const) {
    const read = passphraseFileSource(fileWith(content)).read();
    assert.equal(read?.toString(), passphrase, JSON.stringify(content));
  }
});

test("a passphrase file that is not there is absent, one that holds nothing is a mistake", () => {
  assert.equal(passphraseFileSource(join(folder, "absent")).read(), undefined);
  for (const content of ["", "\n", "\r\n"]) {
    const source = passphraseFileSource(fileWith(content));
    assert.throws(() => source.read(), failsWith("vault.source_malformed", /empty/));
  }
});

test("A14: a passphrase or key file that others may read is refused, not used", () => {
  for (const make of [passphraseFileSource, generatedKeyFileSource]) {
    const path = fileWith("secret\n");
    chmodSync(path, 0o644);
    assert.throws(() => make(path).read(), failsWith("vault.file_unsafe", /mode 0644/));
  }
});

test("a passphrase or key file that cannot be read locks the vault instead of counting as absent", () => {
  for (const make of [passphraseFileSource, generatedKeyFileSource]) {
    const source = make(join(folder, "x".repeat(300)));
    assert.throws(() => source.read(), failsWith("vault.source_malformed", /ENAMETOOLONG/));
  }
});

test("a generated key is 32 random bytes, kept in a file of mode 0600, and read back the same", () => {
  const path = join(folder, "vault.key");
  const source = generatedKeyFileSource(path, { randomBytes: (size) => Buffer.alloc(size, 0xab) });
  assert.equal(source.read(), undefined);
  const key = source.create?.();
  assert.deepEqual(key, Buffer.alloc(32, 0xab));
  assert.deepEqual(source.read(), key);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(path, "utf8"), `tautline-vault-key-1 ${"ab".repeat(32)}\n`);
  assert.equal(source.strength, "weak");
});

test("a key file that is there is never overwritten", () => {
  const path = join(folder, "kept.key");
  generatedKeyFileSource(path).create?.();
  const before = readFileSync(path, "utf8");
  assert.throws(
    () => generatedKeyFileSource(path).create?.(),
    failsWith("vault.source_malformed", /not overwritten/),
  );
  assert.equal(readFileSync(path, "utf8"), before);
});

test("two generated keys differ", () => {
  const [one, other] = ["one.key", "other.key"].map((name) =>
    generatedKeyFileSource(join(folder, name)).create?.().toString("hex"),
  );
  assert.notEqual(one, other);
});

test("a key file that was cut, extended or altered in form is refused, and its text is not shown", () => {
  const whole = `tautline-vault-key-1 ${"0123456789abcdef".repeat(4)}\n`;
  for (const content of [
    "",
    whole.slice(0, -1),
    whole.slice(0, -2),
    `${whole}\n`,
    whole.toUpperCase(),
    whole.replace("key-1", "key-2"),
    whole.slice(0, 21),
    "0123456789abcdef".repeat(4),
  ]) {
    const source = generatedKeyFileSource(fileWith(content));
    assert.throws(
      () => source.read(),
      (error) => {
        assert.ok(isTautlineError(error));
        assert.equal(error.code, "vault.source_malformed");
        assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /0123456789/i);
        return true;
      },
      JSON.stringify(content),
    );
  }
});
