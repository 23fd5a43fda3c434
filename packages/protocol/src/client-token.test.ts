import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatClientToken, parseClientToken } from "./client-token.ts";
import { encodeJoinToken, formatTokenCredential } from "./join-token.ts";
import { formatOperatorToken } from "./operator-token.ts";

const ID = "0123456789abcdef";
const SECRET = new Uint8Array(32).fill(7);
const TEXT = formatClientToken({ id: ID, secret: SECRET });

test("a client's token has a fixed prefix and length, for secret scanners", () => {
  assert.match(TEXT, /^tautline-rx\.[0-9a-f]{16}\.[A-Za-z0-9_-]{43}$/);
  assert.equal(TEXT.length, 72);
});

test("what is written is read again, and nothing else reads as a token", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const hex = fc.stringMatching(/^[0-9a-f]{16}$/);
  fc.assert(
    fc.property(hex, bytes, (id, secret) => {
      assert.deepEqual(parseClientToken(formatClientToken({ id, secret })), { id, secret });
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      const token = parseClientToken(text);
      assert.ok(token === undefined || formatClientToken(token) === text);
    }),
  );
});

test("a token with a wrong id or a short secret is not written", () => {
  for (const parts of [
    { id: ID.toUpperCase(), secret: SECRET },
    { id: "", secret: SECRET },
    { id: ID, secret: SECRET.subarray(1) },
  ]) {
    assert.throws(() => formatClientToken(parts), { code: "value.client_token" });
  }
});

const NOT_TOKENS = [
  ["nothing", ""],
  [
    "A7: a join token",
    encodeJoinToken({
      addresses: ["a:1"],
      pins: [SECRET],
      trustDomain: "fleet.org",
      namespace: "default",
      tokenId: ID,
      secret: SECRET,
    }),
  ],
  ["A7: a join token's credential", formatTokenCredential(ID, SECRET)],
  ["A7: an operator's token", formatOperatorToken({ id: ID, secret: SECRET })],
  ["the prefix in capitals", TEXT.replace("tautline-rx", "TAUTLINE-RX")],
  ["a scheme before it", `Bearer ${TEXT}`],
  ["a line feed after it", `${TEXT}\n`],
  ["a character missing", TEXT.slice(0, -1)],
  ["a character more", `${TEXT}A`],
  ["bits set beyond the last byte: the same secret in another spelling", `${TEXT.slice(0, -1)}d`],
] as const;

for (const [what, text] of NOT_TOKENS) {
  test(`no client's token: ${what}`, () => assert.equal(parseClientToken(text), undefined));
}
