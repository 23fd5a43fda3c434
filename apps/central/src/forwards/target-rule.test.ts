import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { refusalOf } from "../fixture-checks.test.ts";
import { mappedForms, translatedForms } from "./fixture-spellings.test.ts";
import {
  type AllowedTarget,
  type ForbiddenKind,
  forbiddenKind,
  parseForwardTarget,
  permittedAddresses,
} from "./target-rule.ts";

const OWN = {
  ports: () => [9150, 8443],
  addresses: () => ["192.0.2.1", "2001:db8::1", "fe80::5%eth0"],
};

const named: AllowedTarget = { ...parseForwardTarget("db.example:5432"), alsoLocal: false };
const local: AllowedTarget = { ...named, alsoLocal: true };
const literal = (text: string, alsoLocal = false): AllowedTarget => ({
  ...parseForwardTarget(text),
  alsoLocal,
});
const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

describe("parseForwardTarget", () => {
  const taken: [text: string, host: string, port: number, isAddress: boolean][] = [
    ["db.example:5432", "db.example", 5432, false],
    ["192.0.2.7:1", "192.0.2.7", 1, true],
    ["[2001:db8::7]:65535", "2001:db8::7", 65_535, true],
    ["0x7f000001:80", "0x7f000001", 80, false],
  ];
  for (const [text, host, port, isAddress] of taken) {
    it(`reads '${text}'`, () => {
      assert.deepEqual(parseForwardTarget(text), { host, port, isAddress });
    });
  }

  const refused = [
    "",
    "db",
    "db:0",
    "db:65536",
    "db:080",
    "db:5432 ",
    "2001:db8::7:80",
    "[fe80::1%eth0]:80",
    "127.1:80",
    "2130706433:80",
    "0177.0.0.1:80",
    "user@db:80",
    "http://db:80",
    "db:80/x",
    "db\n:80",
    `${"a".repeat(260)}:80`,
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, async () => {
      await refusalOf(() => parseForwardTarget(text), "value.forward_target");
    });
  }

  it("whatever it takes is written the same again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.nat(65_535), (host, port) => {
        const text = `${bracketed(host)}:${port}`;
        if (port === 0) return;
        assert.deepEqual(
          [parseForwardTarget(text).host, parseForwardTarget(text).port],
          [host, port],
        );
      }),
    );
  });
});

/** First, last and some address of each range, and its neighbours outside. */
const TABLE: [address: string, kind: ForbiddenKind | undefined][] = [
  ["127.0.0.0", "loopback"],
  ["127.0.0.1", "loopback"],
  ["127.255.255.255", "loopback"],
  ["126.255.255.255", undefined],
  ["128.0.0.0", undefined],
  ["::1", "loopback"],
  ["0:0:0:0:0:0:0:1", "loopback"],
  ["169.254.0.0", "link-local"],
  ["169.254.169.254", "link-local"],
  ["169.254.255.255", "link-local"],
  ["169.253.255.255", undefined],
  ["169.255.0.0", undefined],
  ["fe80::", "link-local"],
  ["FE80::1", "link-local"],
  ["febf:ffff::1", "link-local"],
  ["fec0::1", undefined],
  ["fe7f::1", undefined],
  ["0.0.0.0", "unspecified"],
  ["0.255.255.255", "unspecified"],
  ["1.0.0.0", undefined],
  ["::", "unspecified"],
  ["0:0:0:0:0:0:0:0", "unspecified"],
  ["224.0.0.0", "multicast"],
  ["239.255.255.255", "multicast"],
  ["223.255.255.255", undefined],
  ["ff02::1", "multicast"],
  ["ffff::1", "multicast"],
  ["255.255.255.255", "broadcast"],
  ["100.100.100.200", "metadata"],
  ["168.63.129.16", "metadata"],
  ["fd00:ec2::254", "metadata"],
  ["64:ff9b:1::192.0.2.7", "translator"],
  ["64:ff9b:1:ffff::", "translator"],
  ["64:ff9b::192.0.2.7", undefined],
  ["2002:c000:207::1", undefined],
  ["10.0.0.1", undefined],
  ["172.16.0.1", undefined],
  ["192.168.0.1", undefined],
  ["192.0.2.1", undefined],
  ["fd00::1", undefined],
  ["2001:db8::7", undefined],
  ["fe80::1%eth0", "unreadable"],
  ["127.1", "unreadable"],
  ["db.example", "unreadable"],
  ["", "unreadable"],
];

describe("what central connects to", () => {
  for (const [address, kind] of TABLE) {
    it(`a name at '${address}' is ${kind === undefined ? "let through" : `refused: ${kind}`}`, () => {
      assert.equal(forbiddenKind(named, address, OWN), kind);
    });
  }

  const forbidden = TABLE.filter(
    ([address, kind]) => kind !== undefined && /^[0-9.]{7,}$/.test(address),
  );
  for (const [address, kind] of forbidden) {
    it(`${address} is refused in every spelling and translation`, () => {
      for (const form of [...mappedForms(address), ...translatedForms(address)]) {
        assert.notEqual(forbiddenKind(named, form, OWN), undefined, form);
      }
      for (const form of mappedForms(address)) assert.equal(forbiddenKind(named, form, OWN), kind);
    });
  }

  it("no spelling of any forbidden IPv4 address passes, for a name that may be local neither", () => {
    const byte = fc.nat(255);
    const ipv4 = fc
      .oneof(
        fc.tuple(fc.constant(127), byte, byte, byte),
        fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
        fc.tuple(fc.constant(0), byte, byte, byte),
        fc.tuple(fc.integer({ min: 224, max: 239 }), byte, byte, byte),
      )
      .map((bytes) => bytes.join("."));
    fc.assert(
      fc.property(ipv4, (address) => {
        for (const form of [address, ...mappedForms(address), ...translatedForms(address)]) {
          assert.notEqual(forbiddenKind(named, form, OWN), undefined, form);
        }
        for (const form of translatedForms(address)) {
          assert.notEqual(forbiddenKind(local, form, OWN), undefined, form);
        }
      }),
    );
  });

  it("ordinary IPv4 addresses pass, plain and mapped", () => {
    const ordinary = fc
      .tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.nat(255), fc.nat(255))
      .filter(
        ([a, b, c, d]) =>
          a !== 127 &&
          !(a === 169 && b === 254) &&
          !(c === 100 && d === 200) &&
          !(a === 168 && b === 63),
      )
      .map((bytes) => bytes.join("."));
    fc.assert(
      fc.property(ordinary, (address) => {
        for (const form of [address, ...mappedForms(address)]) {
          assert.equal(forbiddenKind(named, form, OWN), undefined, form);
        }
      }),
    );
  });

  for (const address of ["127.0.0.1", "::1"]) {
    it(`${address} is connected to where the allowance is for that very address`, () => {
      const target = literal(`${bracketed(address)}:5432`);
      assert.equal(forbiddenKind(target, target.host, OWN), undefined);
    });
  }

  for (const address of ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fe80::1"]) {
    it(`${address} is refused by its address too, unless the allowance says that it is meant`, () => {
      const text = `${bracketed(address)}:5432`;
      assert.notEqual(forbiddenKind(literal(text), address, OWN), undefined);
      assert.equal(forbiddenKind(literal(text, true), address, OWN), undefined);
    });
  }

  it("one local address that is named lets no other one through", () => {
    assert.equal(forbiddenKind(literal("127.0.0.1:5432"), "127.0.0.2", OWN), "loopback");
  });

  for (const address of ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"]) {
    it(`${address} is never connected to, named or not`, () => {
      const target = literal(`${bracketed(address)}:5432`, true);
      assert.notEqual(forbiddenKind(target, target.host, OWN), undefined);
    });
  }

  it("a name that may be local leads to loopback, and to nothing else that is refused", () => {
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      assert.equal(forbiddenKind(local, address, OWN), undefined, address);
    }
    for (const address of ["169.254.169.254", "fe80::1", "64:ff9b::127.0.0.1", "0.0.0.0"]) {
      assert.notEqual(forbiddenKind(local, address, OWN), undefined, address);
    }
  });
});

const at = (port: number, alsoLocal = false): AllowedTarget => ({ ...named, port, alsoLocal });

describe("central's own ports", () => {
  const everywhere = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "192.0.2.1",
    "2001:db8::1",
    "2001:0db8:0:0::0001",
    ...mappedForms("192.0.2.1"),
    ...translatedForms("192.0.2.1").filter((form) => !form.startsWith("64:ff9b:1:")),
    ...mappedForms("127.0.0.1"),
  ];
  for (const address of everywhere) {
    it(`are refused at ${address}, also to a name that may be local`, () => {
      for (const port of [9150, 8443]) {
        assert.equal(forbiddenKind(at(port), address, OWN), "central");
        assert.equal(forbiddenKind(at(port, true), address, OWN), "central");
      }
    });
  }

  it("are no hindrance at other hosts, and other ports none at this one", () => {
    assert.equal(forbiddenKind(at(9150), "192.0.2.2", OWN), undefined);
    assert.equal(forbiddenKind(at(9151), "192.0.2.1", OWN), undefined);
  });

  it("are connected to only where the allowance is for that very address and says that it is meant", () => {
    for (const address of ["192.0.2.1", "127.0.0.1"]) {
      assert.equal(forbiddenKind(literal(`${address}:8443`), address, OWN), "central");
      assert.equal(forbiddenKind(literal(`${address}:8443`, true), address, OWN), undefined);
    }
  });

  it("count as they are at the time of each dial", () => {
    const ports: number[] = [];
    const own = { ...OWN, ports: () => ports };
    assert.equal(forbiddenKind(at(9200), "192.0.2.1", own), undefined);
    ports.push(9200);
    assert.equal(forbiddenKind(at(9200), "192.0.2.1", own), "central");
  });
});

describe("permittedAddresses", () => {
  it("skips what is forbidden and keeps the order of the rest", () => {
    const found = ["127.0.0.1", "192.0.2.9", "169.254.169.254", "192.0.2.8"];
    assert.deepEqual(permittedAddresses("db", named, found, OWN), ["192.0.2.9", "192.0.2.8"]);
  });

  it("names each reason once where none is left, and tells no address to the agent", async () => {
    const found = ["127.0.0.1", "::1", "169.254.169.254"];
    const error = await refusalOf(
      () => permittedAddresses("db", named, found, OWN),
      "forward.target_forbidden",
    );
    assert.match(
      error.message,
      /its target is at a loopback address of central's host and a link-local address\.$/,
    );
    assert.equal(`${error.message} ${error.remedy}`.includes("169.254"), false);
    assert.equal(error.detail["addresses"], found.join(", "));
  });
});
