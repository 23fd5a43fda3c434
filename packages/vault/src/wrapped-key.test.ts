import assert from "node:assert/strict";
import { randomBytes, scryptSync } from "node:crypto";
import { test } from "node:test";
import type { WrappedKey } from "./header.ts";
import { SCRYPT_COST, unwrapKey, wrapKey } from "./wrapped-key.ts";

const KEY = Buffer.alloc(32, 0x5a);
const SECRET = Buffer.from("correct horse");
const CHEAP = { N: 2 ** 10, r: 8, p: 1 };

function wrapWith(source: WrappedKey["source"]): Promise<WrappedKey> {
  return wrapKey({ key: KEY, keyVersion: 3, source, secret: SECRET, randomBytes, cost: CHEAP });
}

function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

test("the secret that sealed a key opens it, any other does not", async () => {
  for (const source of ["environment", "passphrase-file", "key-file"] as const) {
    const wrap = await wrapWith(source);
    assert.deepEqual(await unwrapKey(wrap, SECRET), KEY);
    assert.equal(await unwrapKey(wrap, Buffer.from("correct horsf")), undefined);
    assert.equal(await unwrapKey(wrap, Buffer.alloc(0)), undefined);
  }
});

test("passphrases are stretched by scrypt, a random key is not", async () => {
  const kinds = await Promise.all(
    (["environment", "passphrase-file", "key-file"] as const).map(wrapWith),
  );
  assert.deepEqual(
    kinds.map((wrap) => wrap.derivation.name),
    ["scrypt", "scrypt", "hkdf-sha256"],
  );
});

test("the cost that new vaults get is the documented one, and its parameters are really used", async () => {
  assert.deepEqual(SCRYPT_COST, { N: 131_072, r: 8, p: 1 });
  const wrap = await wrapWith("environment");
  assert.ok(wrap.derivation.name === "scrypt");
  const { salt, N, r, p } = wrap.derivation;
  assert.deepEqual({ N, r, p }, CHEAP);
  const likeOurs = scryptSync(SECRET, salt, 32, { N, r, p });
  const other = scryptSync(SECRET, salt, 32, { N: N * 2, r, p });
  assert.notDeepEqual(likeOurs, other);
  const claimed = { ...wrap, derivation: { ...wrap.derivation, N: N * 2 } };
  assert.equal(await unwrapKey(claimed, SECRET), undefined);
});

test("nothing that the header says about a key can be exchanged", async () => {
  const wrap = await wrapWith("environment");
  const exchanged: WrappedKey[] = [
    { ...wrap, keyVersion: 4 },
    { ...wrap, source: "passphrase-file" },
    { ...wrap, nonce: flip(wrap.nonce) },
    { ...wrap, sealed: flip(wrap.sealed) },
    { ...wrap, derivation: { ...wrap.derivation, salt: flip(wrap.derivation.salt) } },
    { ...wrap, derivation: { name: "hkdf-sha256", salt: wrap.derivation.salt } },
  ];
  for (const altered of exchanged) {
    assert.equal(await unwrapKey(altered, SECRET), undefined, JSON.stringify(altered));
  }
});

test("one key sealed twice by one secret looks different each time", async () => {
  const [one, other] = [await wrapWith("key-file"), await wrapWith("key-file")];
  assert.notDeepEqual(one.sealed, other.sealed);
});
