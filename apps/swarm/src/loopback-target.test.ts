import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { parseLoopbackTarget } from "./loopback-target.ts";

const ACCEPTED: [text: string, address: string][] = [
  ["127.0.0.1:9150", "127.0.0.1:9150"],
  ["127.0.0.1", "127.0.0.1:9150"],
  ["127.8.9.10:1", "127.8.9.10:1"],
  ["localhost:9151", "127.0.0.1:9151"],
  ["LOCALHOST:9151", "127.0.0.1:9151"],
  ["[::1]:9150", "[::1]:9150"],
  ["wss://127.0.0.1:4000", "127.0.0.1:4000"],
  ["wss://127.0.0.1:4000/v1/opamp", "127.0.0.1:4000"],
  ["https://[::1]:4000/v1/opamp", "[::1]:4000"],
];

for (const [text, address] of ACCEPTED) {
  test(`a swarm may go to ${text}`, () => {
    assert.equal(parseLoopbackTarget(text).address, address);
  });
}

const REFUSED = [
  "192.0.2.1:9150",
  "central.example.org:9150",
  "127.0.0.1.example.org:9150",
  "localhost.example.org:9150",
  "0.0.0.0:9150",
  "[::]:9150",
  "[::ffff:127.0.0.1]:9150",
  "[2001:db8::1]:9150",
  "10.0.0.1",
  "2130706433:9150",
  "wss://central.example.org/v1/opamp",
  "wss://127.0.0.1@central.example.org:9150",
  "wss://127.0.0.1:9150/elsewhere",
  "",
];

for (const text of REFUSED) {
  test(`a swarm may not go to '${text}'`, () => {
    assert.throws(
      () => parseLoopbackTarget(text),
      (error) =>
        isTautlineError(error) &&
        (error.code === "swarm.not_loopback" || error.code === "link.address_malformed"),
    );
  });
}
