import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { encodeHeader, parseHeader, type Derivation, type WrappedKey } from "./header.ts";

const bytesOf = (size: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes));
const PLAIN = { noNullPrototype: true };
const salt = bytesOf(16);
const derivation: fc.Arbitrary<Derivation> = fc.oneof(
  fc.record({ name: fc.constant("hkdf-sha256" as const), salt }, PLAIN),
  fc.record(
    {
      name: fc.constant("scrypt" as const),
      N: fc.integer({ min: 10, max: 18 }).map((exponent) => 2 ** exponent),
      r: fc.integer({ min: 1, max: 8 }),
      p: fc.integer({ min: 1, max: 4 }),
      salt,
    },
    PLAIN,
  ),
);
const wrap: fc.Arbitrary<WrappedKey> = fc.record(
  {
    keyVersion: fc.integer({ min: 1, max: 0xffff_ffff }),
    source: fc.constantFrom(
      "environment" as const,
      "passphrase-file" as const,
      "key-file" as const,
    ),
    derivation,
    nonce: bytesOf(12),
    sealed: bytesOf(48),
  },
  PLAIN,
);
const wraps = fc.uniqueArray(wrap, {
  minLength: 1,
  maxLength: 32,
  selector: ({ keyVersion, source }) => `${keyVersion} ${source}`,
});

test("parse(encode(header)) is the header", () => {
  fc.assert(
    fc.property(wraps, fc.nat(), (list, pick) => {
      const keyVersion = list[pick % list.length]?.keyVersion ?? 1;
      const header = { format: 1, keyVersion, wraps: list } as const;
      assert.deepEqual(parseHeader(encodeHeader(header)), header);
    }),
  );
});

test("any text is a header or vault.header_malformed, never another error", () => {
  const known = encodeHeader({
    format: 1,
    keyVersion: 1,
    wraps: [
      {
        keyVersion: 1,
        source: "key-file",
        derivation: { name: "hkdf-sha256", salt: Buffer.alloc(16) },
        nonce: Buffer.alloc(12),
        sealed: Buffer.alloc(48),
      },
    ],
  });
  const edited = fc
    .record({ at: fc.nat(known.length - 1), cut: fc.nat(20), put: fc.string({ maxLength: 10 }) })
    .map(({ at, cut, put }) => known.slice(0, at) + put + known.slice(at + cut));
  fc.assert(
    fc.property(fc.oneof(edited, fc.json(), fc.string()), (text) => {
      try {
        assert.equal(parseHeader(text).format, 1);
      } catch (error) {
        assert.ok(isTautlineError(error), String(error));
        assert.equal(error.code, "vault.header_malformed");
      }
    }),
  );
});
