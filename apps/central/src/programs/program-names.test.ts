import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, isTautlineError } from "@tautline/protocol";
import { refuseWildcards, requireProgramNames } from "./program-names.ts";

const TAKEN = {
  central: {
    dnsNames: ["localhost", "central.example.org"],
    ipAddresses: ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"],
  },
  trustDomain: "fleet.example.org",
  namespaces: ["default", "lab"],
};

function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(isTautlineError(error));
    return error.code;
  }
}

const CASES: readonly [name: string, code: ErrorCode | undefined, why: string][] = [
  ["db.example.org", undefined, "a host's name"],
  ["db", undefined, "a name of one label"],
  ["10.0.0.5", undefined, "an address"],
  ["2001:db8::5", undefined, "an IPv6 address"],
  ["*.lab.example.org", undefined, "a wildcard"],
  ["localhost", undefined, "every host's own name"],
  ["127.0.0.1", undefined, "every host's own address"],
  ["127.0.0.53", undefined, "another of every host's own"],
  ["::1", undefined, "every host's own IPv6 address"],
  ["central.example.org", "certificate.name_taken", "central's own name"],
  ["*.example.org", "certificate.name_taken", "a wildcard that covers central's own name"],
  ["192.0.2.1", "certificate.name_taken", "central's own address"],
  ["2001:db8::1", "certificate.name_taken", "central's own IPv6 address"],
  ["fleet.example.org", "certificate.name_taken", "the trust domain, a host in SPIFFE IDs"],
  ["lab.fleet.example.org", "certificate.name_taken", "a namespace's host in SPIFFE IDs"],
  ["*.fleet.example.org", "certificate.name_taken", "a wildcard over namespaces' hosts"],
  ["db.fleet.example.org", undefined, "a name below it that is no namespace's"],
  [
    "0197a000-0000-7000-8000-00000000000a.example.org",
    "certificate.name_taken",
    "a name with an agent's id in it",
  ],
  ["0.0.0.0", "certificate.name_taken", "the address of no host"],
  ["::", "certificate.name_taken", "the IPv6 address of no host"],
  ["spiffe://fleet.example.org/central", "value.certified_name", "a SPIFFE ID"],
  ["DB.example.org", "value.certified_name", "upper case"],
  ["db.example.org.", "value.certified_name", "a final dot"],
  ["*.org", "value.certified_name", "a wildcard before one label"],
  ["a.*.example.org", "value.certified_name", "a wildcard inside"],
  ["*", "value.certified_name", "a wildcard alone"],
  ["10.0.0.0/8", "value.certified_name", "a range of addresses"],
  ["10.0.0.05", "value.certified_name", "an address in another spelling"],
  ["2001:DB8::5", "value.certified_name", "an IPv6 address in another spelling"],
  ["2001:db8:0:0::5", "value.certified_name", "an IPv6 address with zeros written out"],
  ["::1%lo", "value.certified_name", "an address with a zone"],
  ["a\0.example.org", "value.certified_name", "a NUL"],
  ["", "value.certified_name", "nothing"],
];

describe("names for programs", () => {
  for (const [name, code, why] of CASES) {
    it(`A12: ${code === undefined ? "takes" : `refuses (${code})`} ${why}`, () => {
      assert.equal(
        codeOf(() => requireProgramNames([name], TAKEN)),
        code,
      );
    });
  }

  it("refuses no name, a name twice, and more names than fit", () => {
    const many = Array.from({ length: 33 }, (_, at) => `h${at}.example.org`);
    for (const names of [[], ["a", "a"], many]) {
      assert.equal(
        codeOf(() => requireProgramNames(names, TAKEN)),
        "pki.issue_refused",
      );
    }
  });

  it("refuses a wildcard where none was asked for", () => {
    const names = requireProgramNames(["a.example.org", "*.lab.example.org"], TAKEN);
    assert.equal(
      codeOf(() => refuseWildcards(names)),
      "certificate.wildcard_unasked",
    );
    refuseWildcards(names.slice(0, 1));
  });
});
