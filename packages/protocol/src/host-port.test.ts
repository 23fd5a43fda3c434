import assert from "node:assert/strict";
import { test } from "node:test";
import { isHostPort } from "./host-port.ts";

const label = "a".repeat(63);

const longestHost = `${label}.${label}.${label}.${"b".repeat(61)}`;

const YES = [
  "localhost:1",
  "central.example.org:9150",
  "Central.Example.ORG:443",
  "a-b.c:65535",
  "3com.example:1",
  "127.0.0.1:9150",
  "255.255.255.255:1",
  "[::1]:9150",
  "[::]:1",
  "[2001:db8::1]:443",
  "[1:2:3:4:5:6:7:8]:1",
  "[::ffff:192.0.2.1]:1",
  "[1:2:3:4:5:6:192.0.2.1]:1",
  "[ABCD::]:1",
  `${longestHost}:65535`,
];

const NO = [
  "",
  "localhost",
  "localhost:",
  ":9150",
  "localhost:0",
  "localhost:65536",
  "localhost:080",
  "localhost:-1",
  "localhost:9e3",
  "localhost:9150 ",
  " localhost:1",
  "local host:1",
  "localhost:1\n",
  "-a:1",
  "a-:1",
  "a..b:1",
  "a.:1",
  "a_b:1",
  "user@host:1",
  "http://host:1",
  "host/path:1",
  "é.example:1",
  "256.0.0.1:1",
  "1.2.3:1",
  "1.2.3.4.5:1",
  "01.2.3.4:1",
  "1:1",
  "::1:9150",
  "[::1]",
  "[::1]9150",
  "[::1:9150",
  "::1]:9150",
  "[]:1",
  "[:]:1",
  "[:::]:1",
  "[1::2::3]:1",
  "[1:2:3:4:5:6:7]:1",
  "[1:2:3:4:5:6:7:8:9]:1",
  "[1:2:3:4:5:6:7::8]:1",
  "[12345::]:1",
  "[g::]:1",
  "[fe80::1%eth0]:1",
  "[::192.0.2.1:1]:1",
  "[1.2.3.4]:1",
  "[192.0.2.1::]:1",
  "[::1.2.3]:1",
  `${longestHost}b:1`,
  `${label}a.b:1`,
  `[${"0:".repeat(200)}]:1`,
];

for (const text of YES) {
  test(`'${text.slice(0, 40)}' is host and port`, () => assert.ok(isHostPort(text)));
}

for (const text of NO) {
  test(`${JSON.stringify(text.slice(0, 40))} is not host and port`, () =>
    assert.ok(!isHostPort(text)));
}
