import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { formatHostPort, parseHostPort, withoutZone } from "./addresses.ts";

test("an address is read with or without its port", () => {
  for (const [text, host, port] of [
    ["central.example.org:9150", "central.example.org", 9150],
    ["central.example.org", "central.example.org", 1234],
    ["localhost:1", "localhost", 1],
    ["192.0.2.1:65535", "192.0.2.1", 65_535],
    ["192.0.2.1", "192.0.2.1", 1234],
    ["[2001:db8::1]:9150", "2001:db8::1", 9150],
    ["[::1]", "::1", 1234],
    ["[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80],
    ["[fe80::1%eth0]:9150", "fe80::1%eth0", 9150],
    ["[FE80::1%vlan.10-a]", "FE80::1%vlan.10-a", 1234],
  ] as const) {
    assert.deepEqual(parseHostPort(text, 1234), { host, port }, text);
  }
});

test("what is no address is refused, with the text and the reason", () => {
  for (const text of [
    "",
    ":9150",
    "host:",
    "host:0",
    "host:65536",
    "host:99999999999999999999",
    "host:09150",
    "host:91 50",
    "host:-1",
    "host:0x50",
    "host:1:2",
    "::1",
    "2001:db8::1:9150",
    "[::1",
    "::1]",
    "[::1]9150",
    "[::1]:",
    "[]",
    "[central]:1",
    "[192.0.2.1]:1",
    "[2001:db8::1%eth0]:1",
    "[fe80::1%]:1",
    "[fe80::1%eth0/1]:1",
    "[fe80::1%0123456789abcdef]:1",
    "[fe80:::1%eth0]:1",
    "[::1%lo]:1",
    "fe80::1%eth0",
    "host%eth0:1",
    "a b:1",
    "user@host:1",
    "http://host:1",
    "host/path:1",
    "-host:1",
    "1.2.3:1",
    "host\n:1",
    `${"a".repeat(400)}:1`,
  ]) {
    assert.throws(
      () => parseHostPort(text, 1234),
      (error) => {
        assert.ok(isTautlineError(error), text);
        assert.equal(error.code, "link.address_malformed", text);
        assert.equal(error.exitCode, 2);
        return true;
      },
      text,
    );
  }
});

test("an IPv6 address without brackets is told to take them", () => {
  assert.throws(() => parseHostPort("2001:db8::1", 1), /stands in brackets/);
});

test("writing and reading back gives the same", () => {
  for (const [host, port] of [
    ["central.example.org", 9150],
    ["2001:db8::1", 443],
    ["127.0.0.1", 1],
  ] as const) {
    assert.deepEqual(parseHostPort(formatHostPort(host, port), 9), { host, port });
  }
  assert.equal(formatHostPort("::1", 80), "[::1]:80");
});

test("a zone stays on this host: headers carry the address without it", () => {
  assert.equal(withoutZone("[fe80::1%eth0]:9150"), "[fe80::1]:9150");
  assert.equal(withoutZone("fe80::1%eth0"), "fe80::1");
  assert.equal(withoutZone("central.example.org:9150"), "central.example.org:9150");
});

test("a caller of IPv4 is written as such, whatever socket took it, and nothing that only looks so", () => {
  assert.equal(formatHostPort("::ffff:192.0.2.7", 41_000), "192.0.2.7:41000");
  assert.equal(formatHostPort("::FFFF:192.0.2.7", 1), "192.0.2.7:1");
  assert.equal(formatHostPort("::ffff:0:192.0.2.7", 1), "[::ffff:0:192.0.2.7]:1");
  assert.equal(formatHostPort("::ffff:c000:207", 1), "[::ffff:c000:207]:1");
});
