import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import {
  array,
  assert as check,
  constantFrom,
  domain,
  integer,
  ipV4,
  ipV6,
  oneof,
  property,
  string,
} from "fast-check";
import { readCertifiedName } from "./certified-name.ts";
import { canonicalIPv6, isIPv4Text } from "./ip-text.ts";

/** As the URL standard writes an IPv6 address, which is RFC 5952 without dotted decimals. */
const written = (ip: string): string => new URL(`http://[${ip}]/`).hostname.slice(1, -1);

test("an IPv4 address is what the platform calls one", () => {
  const near = array(
    oneof(integer({ min: 0, max: 300 }).map(String), constantFrom("", "00", "01")),
    {
      minLength: 3,
      maxLength: 5,
    },
  ).map((parts) => parts.join("."));
  check(
    property(oneof(ipV4(), near, string()), (text) =>
      assert.equal(isIPv4Text(text), isIPv4(text), text),
    ),
  );
});

test("an IPv6 address has the one spelling that the platform gives it", () => {
  const groups = array(constantFrom("0", "0", "1", "db8", "0db8", "ffff", ""), {
    minLength: 1,
    maxLength: 10,
  }).map((parts) => parts.join(":"));
  const undotted = ipV6().filter((ip) => !ip.includes("."));
  check(
    property(oneof(undotted, groups), (text) => {
      const expected = isIPv6(text) ? written(text) : undefined;
      assert.equal(canonicalIPv6(text.toLowerCase()), expected, text);
    }),
    { numRuns: 500 },
  );
});

test("a name is read in one spelling only, and reading it again changes nothing", () => {
  check(
    property(oneof(string(), ipV4(), ipV6(), domain()), (text) => {
      const name = readCertifiedName(text);
      if (name === undefined) return;
      assert.equal(name.text, text);
      assert.equal(text, text.toLowerCase());
      if (name.kind === "ip") assert.ok(isIPv4(text) || written(text) === text);
      else assert.equal(isIPv4(text), false);
    }),
  );
});
