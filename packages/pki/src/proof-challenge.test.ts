import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64Url } from "@tautline/protocol";
import * as fc from "fast-check";
import { formatProofChallenge, readProofChallenge } from "./proof-challenge.ts";

const NONCE = new Uint8Array(32).fill(3);
const HEADER = formatProofChallenge(toBase64Url(NONCE));

test("a number to sign comes back as it was written", () => {
  assert.deepEqual(readProofChallenge(HEADER), NONCE);
});

test("any other value is none", () => {
  const others = [
    undefined,
    "",
    'Bearer realm="tautline"',
    `${HEADER}, Bearer`,
    HEADER.toLowerCase(),
    formatProofChallenge(toBase64Url(new Uint8Array(31))),
    formatProofChallenge(toBase64Url(new Uint8Array(33))),
    // Its unused bits are not zero.
    formatProofChallenge("A".repeat(42) + "B"),
  ];
  for (const other of others) assert.equal(readProofChallenge(other), undefined);
});

test("no text does anything but give 32 bytes or nothing", () => {
  const near = fc.string({ maxLength: 50 }).map((text) => formatProofChallenge(text));
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      const nonce = readProofChallenge(text);
      if (nonce !== undefined) assert.equal(formatProofChallenge(toBase64Url(nonce)), text);
    }),
  );
});
