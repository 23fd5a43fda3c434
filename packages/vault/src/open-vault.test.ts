import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { isTautlineError, type ErrorCode, type TautlineError } from "@tautline/protocol";
import { fileHeaderStore, type HeaderStore } from "./header.ts";
import { environmentSource, generatedKeyFileSource, passphraseFileSource } from "./key-source.ts";
import { openVault } from "./open-vault.ts";
import type { Vault } from "./vault.ts";

const base = mkdtempSync(join(tmpdir(), "tautline-vault-"));
const CHEAP = { N: 2 ** 10, r: 8, p: 1 };
const PLACE = { table: "authorities", row: "root", column: "private_key" };
let folder = base;
let count = 0;

after(() => {
  rmSync(base, { recursive: true });
});

interface Given {
  readonly variable?: string;
  readonly mayCreate?: boolean;
  readonly store?: HeaderStore;
}

/** Opens the vault of this test's folder as central does: variable, passphrase file, generated key file. */
function open(given: Given = {}): Promise<Vault> {
  return openVault({
    sources: [
      environmentSource("TAUTLINE_MPASSWD", given.variable),
      passphraseFileSource(join(folder, "passphrase")),
      generatedKeyFileSource(join(folder, "vault.key")),
    ],
    store: given.store ?? fileHeaderStore(join(folder, "vault.json")),
    mayCreate: given.mayCreate ?? true,
    scryptCost: CHEAP,
  });
}

/** Every file's name, mode, times and bytes: what "nothing was changed" means. */
function snapshot(): string {
  const entries = readdirSync(folder)
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { mode, mtimeNs, ctimeNs, ino, size } = lstatSync(path, { bigint: true });
      return [name, mode, mtimeNs, ctimeNs, ino, size, readFileSync(path, "hex")].join(" ");
    });
  return [...entries, lstatSync(folder, { bigint: true }).mtimeNs].join("\n");
}

async function failsUnchanged(code: ErrorCode, given: Given = {}): Promise<TautlineError> {
  const before = snapshot();
  try {
    await open(given);
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.equal(error.exitCode, 4);
    assert.equal(snapshot(), before, "something on disk was changed");
    return error;
  }
  return assert.fail(`opened, though ${code} was expected`);
}

describe("opening a vault", () => {
  beforeEach(() => {
    count += 1;
    folder = join(base, String(count));
    mkdirSync(folder, { mode: 0o700 });
  });

  test("without any passphrase the first start makes a key file, and the next one opens by it", async () => {
    const first = await open();
    const sealed = first.sealText(PLACE, "root key");
    assert.deepEqual(readdirSync(folder).sort(), ["vault.json", "vault.key"]);
    const again = await open({ mayCreate: false });
    assert.equal(again.openText(PLACE, sealed), "root key");
  });

  test("RS-19: a generated key file is called weak, and the finding says why and what to do", async () => {
    const { strength, source, where, finding, keyVersion } = (await open()).status();
    assert.deepEqual(
      { strength, source, keyVersion },
      { strength: "weak", source: "key-file", keyVersion: 1 },
    );
    assert.equal(where, `key file ${join(folder, "vault.key")}`);
    assert.match(finding?.why ?? "", /copies the whole data folder/);
    assert.ok(finding?.remedy);
  });

  test("a passphrase seals a vault without any key file, and its strength is left to the passphrase", async () => {
    const vault = await open({ variable: "a passphrase" });
    assert.deepEqual(readdirSync(folder), ["vault.json"]);
    const { strength, finding } = vault.status();
    assert.equal(strength, "depends on the passphrase");
    assert.equal(finding, undefined);
    const sealed = vault.seal(PLACE, Buffer.from("x"));
    assert.deepEqual(
      (await open({ variable: "a passphrase" })).open(PLACE, sealed),
      Buffer.from("x"),
    );
  });

  test("sources are asked in order: a variable comes before a passphrase file", async () => {
    writeFileSync(join(folder, "passphrase"), "from the file\n", { mode: 0o600 });
    assert.equal((await open({ variable: "from the variable" })).status().source, "environment");
  });

  test("RS-13: a wrong passphrase is refused, names the variable and shows neither passphrase", async () => {
    await open({ variable: "right passphrase" });
    const error = await failsUnchanged("vault.open_failed", { variable: "wrong passphrase" });
    assert.match(error.message, /variable TAUTLINE_MPASSWD: this is not the passphrase/);
    assert.doesNotMatch(`${error.message} ${error.remedy} ${String(error.cause)}`, /right|wrong p/);
  });

  test("a missing key file is refused, says what sealed the vault and where was looked", async () => {
    await open();
    rmSync(join(folder, "vault.key"));
    const error = await failsUnchanged("vault.source_absent");
    assert.match(error.message, /sealed by: key-file/);
    assert.match(error.message, /variable TAUTLINE_MPASSWD, passphrase file .*, key file /);
  });

  test("a present variable that never sealed this vault is refused: it does not fall through to the key file", async () => {
    await open();
    const error = await failsUnchanged("vault.source_unused", { variable: "new passphrase" });
    assert.match(error.message, /variable TAUTLINE_MPASSWD is present, but .* sealed by: key-file/);
  });

  test("a wrong variable does not fall through to the right passphrase file", async () => {
    writeFileSync(join(folder, "passphrase"), "right\n", { mode: 0o600 });
    await open();
    await failsUnchanged("vault.source_unused", { variable: "right" });
  });

  test("an empty variable is refused instead of being passed over", async () => {
    await open();
    await failsUnchanged("vault.source_malformed", { variable: "" });
  });

  test("RS-23: the key file of another vault is refused", async () => {
    await open();
    rmSync(join(folder, "vault.key"));
    generatedKeyFileSource(join(folder, "vault.key")).create?.();
    const error = await failsUnchanged("vault.open_failed");
    assert.match(error.message, /this is not the key that sealed it/);
    const key = readFileSync(join(folder, "vault.key"), "utf8").slice(-65, -1);
    assert.ok(!`${error.message} ${error.remedy} ${String(error.cause)}`.includes(key));
  });

  test("a damaged key file, header, or key file open to others is refused", async () => {
    await open();
    const key = join(folder, "vault.key");
    const whole = readFileSync(key);
    writeFileSync(key, whole.subarray(0, 40));
    await failsUnchanged("vault.source_malformed");
    writeFileSync(key, whole);
    chmodSync(key, 0o640);
    await failsUnchanged("vault.file_unsafe");
    chmodSync(key, 0o600);
    const header = join(folder, "vault.json");
    writeFileSync(header, readFileSync(header).subarray(0, -20));
    await failsUnchanged("vault.header_malformed");
  });

  test("F12: every bit flipped in the sealed key of the header is found", async () => {
    await open();
    const path = join(folder, "vault.json");
    const text = readFileSync(path, "utf8");
    const [, sealed = ""] = /"sealed": "([^"]+)"/.exec(text) ?? [];
    const bytes = Buffer.from(sealed, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const header = text.replace(sealed, flipped.toString("base64url"));
      const store = { load: () => header, save: () => assert.fail("it must not be saved") };
      await assert.rejects(
        open({ store }),
        (error) => isTautlineError(error) && error.code === "vault.open_failed",
      );
    }
  });

  test("where sealed data exists but no header, nothing is made anew", async () => {
    await failsUnchanged("vault.missing", { mayCreate: false });
    assert.deepEqual(readdirSync(folder), []);
  });

  test("a new vault without any source to seal it is refused", async () => {
    const store = fileHeaderStore(join(folder, "vault.json"));
    const sources = [environmentSource("TAUTLINE_KEY", undefined)];
    await assert.rejects(
      openVault({ sources, store, mayCreate: true }),
      (error) => isTautlineError(error) && error.code === "vault.no_source",
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  test("F1: a crash after the key file and before the header costs nothing: the next start uses that key", async () => {
    const crashed: HeaderStore = {
      load: () => undefined,
      save: () => Promise.reject(new Error("power lost")),
    };
    await assert.rejects(open({ store: crashed }), /power lost/);
    const key = readFileSync(join(folder, "vault.key"), "utf8");
    const sealed = (await open()).sealText(PLACE, "value");
    assert.equal(readFileSync(join(folder, "vault.key"), "utf8"), key);
    assert.equal((await open({ mayCreate: false })).openText(PLACE, sealed), "value");
  });

  test("a store may answer later, as a database does", async () => {
    let saved: string | undefined;
    const store: HeaderStore = {
      load: () => Promise.resolve(saved),
      save: (text) => {
        saved = text;
        return Promise.resolve();
      },
    };
    const sealed = (await open({ store })).sealText(PLACE, "value");
    assert.equal((await open({ store, mayCreate: false })).openText(PLACE, sealed), "value");
  });

  test("two vaults do not open each other's values, though both were made by one passphrase", async () => {
    const headers: HeaderStore[] = [1, 2].map((number) =>
      fileHeaderStore(join(folder, `vault-${number}.json`)),
    );
    const [one, other] = await Promise.all(
      headers.map((store) => open({ store, variable: "the same" })),
    );
    assert.ok(one && other);
    assert.throws(
      () => other.open(PLACE, one.seal(PLACE, Buffer.from("x"))),
      (error) => isTautlineError(error) && error.code === "vault.field_damaged",
    );
  });

  test("the header shows neither the data key, nor the passphrase, nor the sealed value", async () => {
    const keys: Buffer[] = [];
    const vault = await openVault({
      sources: [environmentSource("TAUTLINE_MPASSWD", "planted passphrase")],
      store: fileHeaderStore(join(folder, "vault.json")),
      mayCreate: true,
      scryptCost: CHEAP,
      randomBytes: (size) => {
        const bytes = Buffer.alloc(size, keys.length + 0x41);
        keys.push(Buffer.from(bytes));
        return bytes;
      },
    });
    vault.sealText(PLACE, "planted value");
    const header = readFileSync(join(folder, "vault.json"), "latin1");
    assert.doesNotMatch(header, /planted/);
    const dataKey = keys[0];
    assert.equal(dataKey?.length, 32);
    for (const encoding of ["hex", "base64", "base64url", "latin1"] as const) {
      assert.ok(!header.includes(dataKey?.toString(encoding) ?? ""), encoding);
    }
  });
});
