import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeJoinToken, encodeJoinToken, LIMITS } from "@tautline/protocol";
import { certifiedNames, dialledAddresses, type HostFacts, readHostFacts } from "./own-names.ts";

const facts: HostFacts = {
  hostname: "Central-1",
  addresses: [
    { address: "127.0.0.1", internal: true },
    { address: "192.0.2.7", internal: false },
    { address: "2001:db8::7", internal: false },
    { address: "fe80::1", internal: false },
    { address: "febf::1", internal: false },
    { address: "169.254.3.4", internal: false },
    { address: "::ffff:192.0.2.7", internal: false },
    { address: "::1", internal: true },
  ],
};

describe("certifiedNames", () => {
  it("takes the host's name and addresses, and what the settings add, each once", () => {
    const names = certifiedNames(facts, ["Fleet.Example.org", "192.0.2.7:1", "[2001:db8::9]:443"]);
    assert.deepEqual(names, {
      dnsNames: ["localhost", "central-1", "fleet.example.org"],
      ipAddresses: ["127.0.0.1", "::1", "192.0.2.7", "2001:db8::7", "2001:db8::9"],
    });
  });

  for (const hostname of ["my_host", "-x", "a..b", "x".repeat(64), "host.", "", "1234", "höst"]) {
    it(`leaves out a host name that is no DNS name: '${hostname}'`, () => {
      assert.deepEqual(certifiedNames({ ...facts, hostname }, []).dnsNames, ["localhost"]);
    });
  }
});

const at = (host: string, advertised: string[] = []): string[] =>
  dialledAddresses({ facts, bound: { host, port: 9150 }, advertised });

describe("dialledAddresses", () => {
  it("names this host's outer addresses first where central listens on all of them", () => {
    assert.deepEqual(at("::"), ["192.0.2.7:9150", "[2001:db8::7]:9150", "127.0.0.1:9150"]);
    assert.deepEqual(at("0.0.0.0"), ["192.0.2.7:9150", "127.0.0.1:9150"]);
  });

  it("names only the address that central listens on, where that is one", () => {
    assert.deepEqual(at("127.0.0.1"), ["127.0.0.1:9150"]);
    assert.deepEqual(at("2001:db8::7"), ["[2001:db8::7]:9150"]);
  });

  it("names what the settings say and nothing else, with the real port where they name none", () => {
    assert.deepEqual(
      at("::", ["fleet.example.org", "[2001:db8::9]:443", "fleet.example.org:9150"]),
      ["fleet.example.org:9150", "[2001:db8::9]:443"],
    );
  });

  it("names no more than a join token holds, on a host with more", () => {
    const addresses = Array.from({ length: LIMITS.addresses.value + 5 }, (_, n) => ({
      address: `2001:db8:1111:2222:3333:4444:5555:${(4096 + n).toString(16)}`,
      internal: false,
    }));
    const many = dialledAddresses({
      facts: { ...facts, addresses },
      bound: { host: "::", port: 65_535 },
      advertised: [],
    });
    assert.equal(many.length, LIMITS.addresses.value);
    const token = encodeJoinToken({
      addresses: many,
      pins: [Buffer.alloc(32)],
      trustDomain: "fleet.test",
      namespace: "default",
      tokenId: "0".repeat(16),
      secret: Buffer.alloc(32),
    });
    assert.deepEqual(decodeJoinToken(token).addresses, many);
  });

  it("finds at least one address of the host it runs on", () => {
    const bound = { host: "::", port: 9150 };
    assert.ok(dialledAddresses({ facts: readHostFacts(), bound, advertised: [] }).length > 0);
  });
});
