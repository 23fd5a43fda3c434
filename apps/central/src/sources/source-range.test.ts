import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { isInRanges, parseSourceRange } from "./source-range.ts";

const RANGES = [
  ["192.0.2.0/24", "192.0.2.0/24"],
  ["192.0.2.7", "192.0.2.7/32"],
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["127.0.0.0/8", "127.0.0.0/8"],
  ["2001:DB8:0007:0::/48", "2001:db8:7::/48"],
  ["fe80::1", "fe80::1/128"],
  ["2001::/16", "2001::/16"],
  ["::ffff:192.0.2.0/120", "192.0.2.0/24"],
  ["::FFFF:c000:0207", "192.0.2.7/32"],
] as const;

for (const [text, shown] of RANGES) {
  test(`'${text}' is the range ${shown}`, () => {
    assert.equal(parseSourceRange(text).text, shown);
  });
}

const REFUSED = [
  ["0.0.0.0/0", /too wide: of IPv4 at least 8/],
  ["::/0", /too wide: of IPv6 at least 16/],
  ["10.0.0.0/7", /too wide/],
  ["2001::/15", /too wide/],
  ["::ffff:0.0.0.0/96", /too wide: of IPv4/],
  ["::ffff:10.0.0.0/103", /too wide: of IPv4/],
  ["192.0.2.0/33", /IPv4 has no so many bits/],
  ["2001:db8::/129", /IPv6 has no so many bits/],
  ["192.0.2.7/24", /its lowest address is another: 192\.0\.2\.0\/24$/],
  ["2001:db8::1/64", /its lowest address is another: 2001:db8::\/64$/],
  ["192.0.2.0/024", /begins with no/],
  ["192.0.2.0/", /begins with no/],
  ["192.0.2/24", /begins with no/],
  ["0300.0.2.0/24", /begins with no/],
  ["fe80::1%eth0/64", /begins with no/],
  ["site.example.org/24", /begins with no/],
  ["192.0.2.0/24 ", /begins with no/],
  ["", /begins with no/],
] as const;

for (const [text, reason] of REFUSED) {
  test(`'${text}' is refused, and why is said`, () => {
    assert.throws(
      () => parseSourceRange(text),
      (error) =>
        isTautlineError(error) &&
        error.code === "policy.source_range" &&
        reason.test(String(error.detail["reason"])),
    );
  });
}

const SITE = ["192.0.2.0/25", "198.51.100.7", "2001:db8:7::/48"].map(parseSourceRange);
const CALLERS = [
  ["192.0.2.0", true],
  ["192.0.2.127", true],
  ["192.0.2.128", false],
  ["192.0.1.255", false],
  ["198.51.100.7", true],
  ["198.51.100.8", false],
  ["::ffff:192.0.2.1", true],
  ["::ffff:c000:201", true],
  ["::ffff:192.0.2.128", false],
  ["::192.0.2.1", false],
  ["2001:db8:7:ffff:ffff:ffff:ffff:ffff", true],
  ["2001:db8:8::", false],
  ["2001:db8:7::1%eth0", true],
  ["127.0.0.1", false],
  ["::1", false],
  ["unknown", false],
  ["", false],
] as const;

for (const [address, isInside] of CALLERS) {
  test(`a caller at '${address}' is ${isInside ? "" : "not "}in the ranges of a site`, () => {
    assert.equal(isInRanges(SITE, address), isInside);
  });
}
