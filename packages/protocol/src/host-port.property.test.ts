import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { isHostPort } from "./host-port.ts";

test("what stands in brackets is what the platform calls an IPv6 address", () => {
  const part = fc.constantFrom(
    "0",
    "1",
    "ff",
    "abcd",
    "10000",
    "",
    ":",
    "::",
    "1.2.3.4",
    "256.1.1.1",
    "g",
  );

  const address = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(":"));
  const nearly = fc.ipV6().chain((ip) => fc.constantFrom(ip, `${ip}:`, ip.replace("::", ":")));
  fc.assert(
    fc.property(fc.oneof(address, nearly), (ip) => {
      assert.equal(isHostPort(`[${ip}]:1`), isIPv6(ip), ip);
    }),
    { numRuns: 1000 },
  );
});
