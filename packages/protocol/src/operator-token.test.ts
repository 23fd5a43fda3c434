import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJoinToken, formatTokenCredential } from "./join-token.ts";
import { formatOperatorToken, parseOperatorToken } from "./operator-token.ts";

const ID = "0123456789abcdef";
const SECRET = new Uint8Array(32).fill(7);
const TEXT = formatOperatorToken({ id: ID, secret: SECRET });

test("an operator's token has a fixed prefix and length, for secret scanners", () => {
  assert.match(TEXT, /^tautline-op\.[0-9a-f]{16}\.[A-Za-z0-9_-]{43}$/);
  assert.equal(TEXT.length, 72);
});

test("what is written is read again", () => {
  assert.deepEqual(parseOperatorToken(TEXT), { id: ID, secret: SECRET });
});

test("a token with a wrong id or a short secret is not written", () => {
  for (const parts of [
    { id: ID.toUpperCase(), secret: SECRET },
    { id: "", secret: SECRET },
    { id: ID, secret: SECRET.subarray(1) },
  ]) {
    assert.throws(() => formatOperatorToken(parts), { code: "value.operator_token" });
  }
});

const JOIN_TOKEN = encodeJoinToken({
  addresses: ["a:1"],
  pins: [SECRET],
  trustDomain: "fleet.org",
  namespace: "default",
  tokenId: ID,
  secret: SECRET,
});

const NOT_TOKENS = [
  ["nothing", ""],
  ["A7: a join token", JOIN_TOKEN],
  ["A7: a join token's credential", formatTokenCredential(ID, SECRET)],
  ["its id and secret without the prefix", TEXT.slice("tautline-op.".length)],
  ["another prefix", TEXT.replace("tautline-op", "tautline-ap")],
  ["the prefix in capitals", TEXT.replace("tautline-op", "TAUTLINE-OP")],
  ["a space before it", ` ${TEXT}`],
  ["a line feed after it", `${TEXT}\n`],
  ["a character missing", TEXT.slice(0, -1)],
  ["a character more", `${TEXT}A`],
  ["padding", `${TEXT}=`],
  ["bits set beyond the last byte: the same secret in another spelling", `${TEXT.slice(0, -1)}d`],
  ["an id in capitals", TEXT.replace(ID, ID.toUpperCase())],
] as const;

for (const [what, text] of NOT_TOKENS) {
  test(`no operator's token: ${what}`, () => assert.equal(parseOperatorToken(text), undefined));
}
