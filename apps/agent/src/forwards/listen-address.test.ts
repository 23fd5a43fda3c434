import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  formatListenAddress,
  isLocal,
  listenMistakes,
  readListenAddress,
} from "./listen-address.ts";

const ROWS: readonly (readonly [text: string, shortest: string, isLocal: boolean])[] = [
  ["127.0.0.1:5432", "127.0.0.1:5432", true],
  ["127.9.9.9:1", "127.9.9.9:1", true],
  ["127.0.0.1:0", "127.0.0.1:0", true],
  ["[::1]:5432", "[::1]:5432", true],
  ["[0:0:0:0:0:0:0:1]:65535", "[::1]:65535", true],
  ["0.0.0.0:5432", "0.0.0.0:5432", false],
  ["[::]:5432", "[::]:5432", false],
  ["192.0.2.1:80", "192.0.2.1:80", false],
  ["unix:/run/db.sock", "unix:/run/db.sock", true],
  ["unix:/run//x/../db.sock", "unix:/run/db.sock", true],
  ["unix:./db.sock", "unix:db.sock", true],
];

for (const [text, shortest, local] of ROWS) {
  test(`'${text}' is ${local ? "" : "not "}of this host alone, and is written ${shortest}`, () => {
    const address = readListenAddress(text);
    assert.ok(address);
    assert.equal(formatListenAddress(address), shortest);
    assert.equal(isLocal(address), local);
  });
}

test("an IPv4 address in IPv6 clothes is not taken for loopback", () => {
  const address = readListenAddress("[::ffff:127.0.0.1]:80");
  assert.ok(address);
  assert.equal(isLocal(address), false);
});

for (const text of [
  "",
  "5432",
  ":5432",
  "localhost:5432",
  "127.0.0.1",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "127.0.0.1:05432",
  "127.0.0.1:-1",
  "127.1:80",
  "127.0.0.1:80 ",
  "::1:80",
  "[127.0.0.1]:80",
  "[fe80::1%eth0]:80",
  "unix:",
  "unix:/",
  "unix:.",
  "unix:..",
  "unix:a/..",
  "unix:a/",
  "unix:a\0b",
  `unix:${"a".repeat(296)}`,
]) {
  test(`'${text.slice(0, 30).replace("\0", "\\0")}' is no address to listen at`, () => {
    assert.equal(readListenAddress(text), undefined);
  });
}

test("any text is read or not, and what was read is read again as the same", () => {
  const near = fc.oneof(
    fc.string(),
    fc.ipV4().map((host) => `${host}:80`),
    fc.ipV6().map((host) => `[${host}]:80`),
    fc.string().map((path) => `unix:${path}`),
  );
  fc.assert(
    fc.property(near, (text) => {
      const address = readListenAddress(text);
      if (address === undefined) return;
      const written = formatListenAddress(address);
      if (written.length <= 300) assert.deepEqual(readListenAddress(written), address);
    }),
  );
});

const mistakesOf = (text: string, open: boolean, mode?: string) => {
  const address = readListenAddress(text);
  assert.ok(address !== undefined, text);
  return listenMistakes({ address, open, mode }).map(({ key }) => key);
};

test("what does not fit together is named at its key, and nothing else", () => {
  assert.deepEqual(mistakesOf("127.0.0.1:5432", false), []);
  assert.deepEqual(mistakesOf("unix:db.sock", false, "0660"), []);
  assert.deepEqual(mistakesOf("0.0.0.0:5432", true), []);
  assert.deepEqual(mistakesOf("0.0.0.0:5432", false), ["listen"]);
  assert.deepEqual(mistakesOf("127.0.0.1:5432", false, "0660"), ["mode"]);
  assert.deepEqual(mistakesOf("[::]:5432", false, "0660"), ["listen", "mode"]);
});
