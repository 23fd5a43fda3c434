import assert from "node:assert/strict";
import { test } from "node:test";
import { ipBytes } from "./ip-address.ts";
import {
  type CertifiedNames,
  findForbiddenName,
  type NameLimits,
  type NameSubtrees,
} from "./name-constraints.ts";

const NOTHING: NameSubtrees = { uriHosts: [], dnsNames: [], ipRanges: [], otherForms: [] };
const NOBODY: CertifiedNames = { uris: [], dnsNames: [], ipAddresses: [] };

function bytesOf(text: string): Uint8Array {
  const bytes = ipBytes(text);
  assert.ok(bytes !== undefined, text);
  return bytes;
}

function isForbidden(
  names: Partial<CertifiedNames>,
  permitted: Partial<NameSubtrees>,
  excluded: Partial<NameSubtrees> = {},
): boolean {
  const limits: NameLimits = {
    permitted: { ...NOTHING, ...permitted },
    excluded: { ...NOTHING, ...excluded },
  };
  return findForbiddenName({ ...NOBODY, ...names }, limits) !== undefined;
}

// RFC 5280 section 4.2.1.10: a host is itself alone, a leading dot means every host below.
const URIS: [string, string, boolean][] = [
  ["spiffe://a.example/x", "a.example", true],
  ["SPIFFE://A.Example/x", "a.EXAMPLE", true],
  ["spiffe://a.example", "a.example", true],
  ["spiffe://a.example:443/x", "a.example", true],
  ["https://a.example?x", "a.example", true],
  ["spiffe://b.a.example/x", "a.example", false],
  ["spiffe://a.example.evil/x", "a.example", false],
  ["spiffe://xa.example/x", "a.example", false],
  ["spiffe://b.a.example/x", ".a.example", true],
  ["spiffe://a.example/x", ".a.example", false],
  ["spiffe://xa.example/x", ".a.example", false],
  ["spiffe://a.example@evil/x", "a.example", false],
  ["spiffe://evil@a.example/x", "a.example", false],
  ["spiffe://a.example\\@evil/x", "a.example", false],
  ["spiffe://a.example%2eevil/x", "a.example", false],
  ["spiffe://a.example\0.evil/x", "a.example", false],
  ["spiffe://a.example./x", "a.example", false],
  ["spiffe://a.example:/x", "a.example", false],
  ["spiffe:///a.example", "a.example", false],
  ["spiffe:a.example", "a.example", false],
  ["spiffe://192.0.2.1/x", "192.0.2.1", false],
  ["spiffe://[2001:db8::1]/x", "2001:db8::1", false],
  ["\nspiffe://a.example/x", "a.example", false],
  ["", "a.example", false],
];

for (const [uri, host, isPermitted] of URIS) {
  test(`the URI ${JSON.stringify(uri)} is ${isPermitted ? "in" : "not in"} '${host}'`, () => {
    assert.equal(isForbidden({ uris: [uri] }, { uriHosts: [host] }), !isPermitted);
  });
}

const DNS_NAMES: [string, string, boolean][] = [
  ["a.example", "a.example", true],
  ["b.a.example", "a.example", true],
  ["A.EXAMPLE", "a.example", true],
  ["b.a.example", ".a.example", true],
  ["a.example", "", true],
  ["xa.example", "a.example", false],
  ["example", "a.example", false],
  ["*.a.example", "a.example", false],
  ["a.example.", "a.example", false],
  ["a.example\0.evil", "a.example", false],
];

for (const [name, subtree, isInside] of DNS_NAMES) {
  test(`the DNS name ${JSON.stringify(name)} is ${isInside ? "in" : "not in"} '${subtree}'`, () => {
    assert.equal(isForbidden({ dnsNames: [name] }, { dnsNames: [subtree] }), !isInside);
  });
}

test("excluded DNS names: those inside and those that cannot be judged are forbidden", () => {
  const excluded = { dnsNames: ["evil.example"] };
  const cases: [string, boolean][] = [
    ["evil.example", true],
    ["x.evil.example", true],
    ["*.example", true],
    ["good.example", false],
  ];
  for (const [name, expected] of cases) {
    assert.equal(isForbidden({ dnsNames: [name] }, {}, excluded), expected, name);
  }
  assert.equal(isForbidden({ dnsNames: ["any.example"] }, {}, { dnsNames: [""] }), true);
});

test("addresses are held against ranges of their own family", () => {
  const cases: [string, string, boolean][] = [
    ["192.0.2.1", "192.0.2.0/24", true],
    ["192.0.3.1", "192.0.2.0/24", false],
    ["192.0.2.129", "192.0.2.128/25", true],
    ["192.0.2.127", "192.0.2.128/25", false],
    ["192.0.2.1", "0.0.0.0/0", true],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["2001:db8::1", "0.0.0.0/0", false],
    ["192.0.2.1", "::/0", false],
  ];
  for (const [address, range, isInside] of cases) {
    const names = { ipAddresses: [bytesOf(address)] };
    const ranges = { ipRanges: [bytesOf(range)] };
    assert.equal(isForbidden(names, ranges), !isInside, `${address} permitted by ${range}`);
    assert.equal(isForbidden(names, {}, ranges), isInside, `${address} excluded by ${range}`);
  }
});

test("excluded wins over permitted, one form does not limit another, and one bad name is enough", () => {
  const permitted = { uriHosts: ["a.example"] };
  const uris = ["spiffe://a.example/x"];
  assert.equal(isForbidden({ uris }, permitted, permitted), true);
  assert.equal(isForbidden({ uris, dnsNames: ["any"] }, permitted), false);
  assert.equal(isForbidden({ uris: [...uris, "spiffe://b.example/x"] }, permitted), true);
  assert.equal(isForbidden({}, permitted, { dnsNames: [""] }), false);
});

test("a limit on a form that is not judged here forbids everything", () => {
  const otherForms = { otherForms: ["directoryName"] };
  assert.equal(isForbidden({}, otherForms), true);
  assert.equal(isForbidden({}, {}, otherForms), true);
});
