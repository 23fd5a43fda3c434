import assert from "node:assert/strict";
import { createDecipheriv, randomBytes } from "node:crypto";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { openField, sealField } from "./field.ts";

const KEY = Buffer.alloc(32, 7);
const PLACE = { table: "agents", row: "42", column: "secret" };

function seal(plain: string, place = PLACE, keyVersion = 1): Buffer {
  return sealField({
    key: KEY,
    keyVersion,
    place,
    plain: Buffer.from(plain),
    nonce: randomBytes(12),
  });
}

function open(sealed: Uint8Array, place = PLACE): string {
  return openField({ keyOf: () => KEY, place, sealed }).toString();
}

/** Four bytes, big-endian, in hex. */
function u32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function assertDamaged(action: () => unknown, message?: string): void {
  assert.throws(
    action,
    (error) => isTautlineError(error) && error.code === "vault.field_damaged",
    message,
  );
}

test("the sealed form is format, key version, nonce, ciphertext, tag, and any AES-256-GCM opens it", () => {
  const nonce = Buffer.alloc(12, 9);
  const plain = Buffer.from("p");
  const sealed = sealField({ key: KEY, keyVersion: 0x01020304, place: PLACE, plain, nonce });
  assert.equal(sealed.length, 1 + 4 + 12 + 1 + 16);
  assert.equal(sealed.subarray(0, 5).toString("hex"), "0101020304");
  assert.deepEqual(sealed.subarray(5, 17), nonce);

  const parts = ["tautline/vault/field/v1", "agents", "42", "secret"];
  const aad = parts.map((text) => u32(text.length) + Buffer.from(text).toString("hex")).join("");
  const decipher = createDecipheriv("aes-256-gcm", KEY, nonce, { authTagLength: 16 });
  decipher.setAAD(Buffer.from(`${aad}01${u32(0x01020304)}`, "hex"));
  decipher.setAuthTag(sealed.subarray(-16));
  assert.equal(
    decipher.update(sealed.subarray(17, -16), undefined, "utf8") + decipher.final("utf8"),
    "p",
  );
});

test("a value opens nowhere but at its own table, row and column", () => {
  const sealed = seal("value");
  assert.equal(open(sealed), "value");
  for (const moved of [
    { ...PLACE, table: "tokens" },
    { ...PLACE, row: "43" },
    { ...PLACE, column: "other" },
    { table: "agents4", row: "2", column: "secret" },
    { table: "agent", row: "s42", column: "secret" },
    { table: "agents", row: "42secret", column: "" },
    { table: "42", row: "agents", column: "secret" },
  ]) {
    assertDamaged(() => open(sealed, moved), JSON.stringify(moved));
  }
});

test("a value does not open as one of another key version, though the key be the same", () => {
  const sealed = seal("value");
  sealed.writeUInt32BE(2, 1);
  assertDamaged(() => open(sealed));
});

test("every single bit of a sealed value counts", () => {
  const sealed = seal("a few bytes");
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assertDamaged(() => open(flipped), `bit ${bit}`);
  }
});

test("a value cut anywhere, or with a byte more, does not open", () => {
  const sealed = seal("a few bytes");
  for (let length = 0; length < sealed.length; length += 1) {
    assertDamaged(() => open(sealed.subarray(0, length)), `${length} bytes`);
  }
  assertDamaged(() => open(Buffer.concat([sealed, Buffer.from([0])])));
});

test("an unknown key version names that version, and says nothing of the content", () => {
  const sealed = seal("top secret text", PLACE, 9);
  assert.throws(
    () => openField({ keyOf: () => undefined, place: PLACE, sealed }),
    (error) => {
      assert.ok(isTautlineError(error));
      assert.equal(error.code, "vault.field_damaged");
      assert.match(error.message, /agents\/42\/secret .*version 9/);
      assert.doesNotMatch(`${error.message} ${error.remedy}`, /top secret/);
      return true;
    },
  );
});

test("a view into a larger buffer is read where it stands", () => {
  const sealed = seal("value");
  const larger = new Uint8Array(sealed.length + 20);
  larger.set(sealed, 10);
  assert.equal(open(larger.subarray(10, 10 + sealed.length)), "value");
});
