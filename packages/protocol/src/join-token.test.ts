import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, fromBase64Url, fromHex, toBase64Url, uint32 } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import {
  decodeJoinToken,
  encodeJoinToken,
  formatTokenCredential,
  type JoinToken,
  parseTokenCredential,
} from "./join-token.ts";
import { LIMITS } from "./limits.ts";

const PREFIX = "tautline1.";

const TOKEN: JoinToken = {
  addresses: ["central.example.org:9150", "[2001:db8::1]:9150"],
  pins: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)],
  trustDomain: "fleet.example.org",
  namespace: "default",
  tokenId: "t-1_A",
  secret: new Uint8Array(32).fill(3),
};
const TEXT = encodeJoinToken(TOKEN);

/** The protobuf message inside a token's text. */
function messageOf(text: string): Uint8Array {
  return fromBase64Url(text.slice(PREFIX.length)).subarray(0, -4);
}

/** A token with another message inside and the checksum that belongs to it. */
function tokenOf(message: Uint8Array): string {
  return PREFIX + toBase64Url(concatBytes(message, uint32(crc32(message))));
}

test("a join token is one word that comes back as its parts", () => {
  assert.match(TEXT, /^tautline1\.[A-Za-z0-9_-]+$/);
  assert.deepEqual(decodeJoinToken(TEXT), TOKEN);
});

test("the form of a join token is fixed: newer agents read older tokens", () => {
  const small = {
    ...TOKEN,
    addresses: ["a:1"],
    pins: [new Uint8Array(32)],
    secret: new Uint8Array(32),
  };
  const message = `0a03613a311220${"00".repeat(32)}1a11666c6565742e6578616d706c652e6f7267220764656661756c742a05742d315f413220${"00".repeat(32)}`;
  assert.equal(encodeJoinToken(small), tokenOf(fromHex(message)));
});

test("any one character changed, dropped or doubled is noticed", () => {
  for (let at = 0; at < TEXT.length; at += 1) {
    const other = TEXT[at] === "A" ? "B" : "A";
    const changed = TEXT.slice(0, at) + other + TEXT.slice(at + 1);
    const dropped = TEXT.slice(0, at) + TEXT.slice(at + 1);
    const doubled = TEXT.slice(0, at + 1) + TEXT.slice(at);
    for (const text of [changed, dropped, doubled]) {
      assert.throws(() => decodeJoinToken(text), { code: "value.join_token" }, text);
    }
  }
});

const NOT_TOKENS: [string, string, RegExp][] = [
  ["nothing", "", /does not start/],
  ["the prefix alone", PREFIX, /missing or mistyped/],
  ["another version", TEXT.replace("1.", "2."), /does not start/],
  ["upper case", TEXT.toUpperCase(), /does not start/],
  ["a space before it", ` ${TEXT}`, /does not start/],
  ["a line feed after it", `${TEXT}\n`, /characters that no token has/],
  ["a line feed inside", `${TEXT.slice(0, 40)}\n${TEXT.slice(40)}`, /characters that no token has/],
  ["an empty message", tokenOf(new Uint8Array()), /0 addresses/],
  ["no protobuf", tokenOf(fromHex("ff")), /damaged/],
  ["an unknown field", tokenOf(concatBytes(messageOf(TEXT), fromHex("f80701"))), /one encoding/],
];

for (const [name, text, reason] of NOT_TOKENS) {
  test(`a join token with ${name} is refused`, () => {
    assert.throws(() => decodeJoinToken(text), { code: "value.join_token", message: reason });
  });
}

const BAD_PARTS: [string, Partial<JoinToken>, RegExp][] = [
  ["no address", { addresses: [] }, /0 addresses/],
  ["17 addresses", { addresses: Array.from({ length: 17 }, () => "a:1") }, /17 addresses/],
  ["an address without a port", { addresses: ["a:1", "central"] }, /host:port/],
  ["a path in an address", { addresses: ["a:1/x"] }, /host:port/],
  ["no pin", { pins: [] }, /0 pins/],
  ["5 pins", { pins: Array.from({ length: 5 }, () => new Uint8Array(32)) }, /5 pins/],
  ["a pin of 31 bytes", { pins: [new Uint8Array(31)] }, /32 bytes/],
  ["an upper-case trust domain", { trustDomain: "Fleet.org" }, /trust domain/],
  ["a dot in the namespace", { namespace: "a.b" }, /namespace/],
  ["no id", { tokenId: "" }, /id/],
  ["a dot in the id", { tokenId: "a.b" }, /id/],
  ["an id of 65 characters", { tokenId: "a".repeat(65) }, /id/],
  ["a secret of 31 bytes", { secret: new Uint8Array(31) }, /secret/],
  ["a secret of 33 bytes", { secret: new Uint8Array(33) }, /secret/],
];

for (const [name, part, reason] of BAD_PARTS) {
  test(`a join token with ${name} is not written`, () => {
    const encode = { code: "value.join_token", message: reason };
    assert.throws(() => encodeJoinToken({ ...TOKEN, ...part }), encode);
  });
}

test("a join token written by another with bad parts is refused", () => {
  const withoutSecret = messageOf(TEXT).subarray(0, -34);
  assert.throws(() => decodeJoinToken(tokenOf(withoutSecret)), /secret is not of 32 bytes/);
});

test("a token over 4,096 characters is refused before it is read", () => {
  const over = TEXT.padEnd(LIMITS.joinTokenCharacters.value + 1, "A");
  assert.throws(() => decodeJoinToken(over), /longer than 4096 characters/);
  assert.throws(() => decodeJoinToken(over.slice(0, -1)), /missing or mistyped|lacks its end/);
  const host = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
  const addresses = Array.from({ length: 16 }, () => `${host}:65535`);
  assert.throws(() => encodeJoinToken({ ...TOKEN, addresses }), /longer than 4096 characters/);
});

test("no error shows a token's secret", () => {
  const secret = toBase64Url(TOKEN.secret);
  try {
    decodeJoinToken(`${TEXT} `);
    assert.fail("a token with a space was read");
  } catch (error) {
    const shown = JSON.stringify(error, Object.getOwnPropertyNames(error));
    assert.ok(!shown.includes(secret) && !shown.includes(TEXT.slice(30, 60)));
  }
});

test("a token's credential is its id and its secret", () => {
  const text = formatTokenCredential("t1", new Uint8Array(32));
  assert.equal(text, `t1.${"A".repeat(43)}`);
  assert.deepEqual(parseTokenCredential(text), { tokenId: "t1", secret: new Uint8Array(32) });
});

test("the longest credential is read", () => {
  const tokenId = "a".repeat(LIMITS.tokenIdCharacters.value);
  const { secret } = TOKEN;
  assert.deepEqual(parseTokenCredential(formatTokenCredential(tokenId, secret)), {
    tokenId,
    secret,
  });
});

const NOT_CREDENTIALS: [string, string][] = [
  ["nothing", ""],
  ["no secret", "t1."],
  ["no id", `.${"A".repeat(43)}`],
  ["no dot", "A".repeat(43)],
  ["a secret of 31 bytes", `t1.${"A".repeat(42)}`],
  ["a secret of 33 bytes", `t1.${"A".repeat(44)}`],
  ["bits left over", `t1.${"A".repeat(42)}B`],
  ["padding", `t1.${"A".repeat(43)}=`],
  ["a space", `t1 .${"A".repeat(43)}`],
  ["a second dot", `t1.x.${"A".repeat(43)}`],
  ["an id of 65 characters", `${"a".repeat(65)}.${"A".repeat(43)}`],
  ["64 KiB", "a".repeat(65_536)],
];

for (const [name, text] of NOT_CREDENTIALS) {
  test(`a credential with ${name} is none`, () =>
    assert.equal(parseTokenCredential(text), undefined));
}
