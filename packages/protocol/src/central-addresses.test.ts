import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeCentralAddresses,
  encodeCentralAddresses,
  findAddressFault,
} from "./central-addresses.ts";
import { isTautlineError } from "./error.ts";

const isMalformed = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "instruction.malformed";

test("addresses come back as they were written, in their order", () => {
  const addresses = ["central.example.org:9150", "[2001:db8::1]:9150", "192.0.2.1:443"];
  assert.deepEqual(decodeCentralAddresses(encodeCentralAddresses(addresses)), addresses);
});

test("lists that send an agent nowhere are refused, with the reason", () => {
  const cases: [readonly string[], RegExp][] = [
    [[], /no address/],
    [Array.from({ length: 17 }, (_, at) => `h${at}:1`), /more than 16/],
    [["central"], /not host:port/],
    [["[fe80::1%eth0]:9150"], /not host:port/],
    [["https://central:1"], /not host:port/],
    [["a:1", "b:1", "a:1"], /twice/],
  ];
  for (const [addresses, reason] of cases) {
    assert.match(findAddressFault(addresses) ?? "", reason);
    assert.throws(() => encodeCentralAddresses(addresses), isMalformed);
  }
  assert.equal(findAddressFault(["a:1", "a:2"]), undefined);
});

test("bytes that are no such list, or in another encoding, are refused", () => {
  const good = encodeCentralAddresses(["a:1"]);
  for (const bytes of [
    new Uint8Array(),
    Uint8Array.of(0xff),
    Uint8Array.from([...good, 0xf8, 0x07, 0x01]),
    new Uint8Array(8 * 1024 + 1),
  ]) {
    assert.throws(() => decodeCentralAddresses(bytes), isMalformed);
  }
});

test("no bytes do anything but give addresses or the one refusal", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        assert.equal(findAddressFault(decodeCentralAddresses(bytes)), undefined);
      } catch (error) {
        assert.ok(isMalformed(error));
      }
    }),
  );
});
