import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ipBytes } from "@tautline/link";
import { type ProxyEndpoints, proxyHeader } from "./proxy-header.ts";

interface ReadHeader {
  readonly command: number;
  readonly family: "UNSPEC" | "TCP4" | "TCP6";
  readonly source?: string;
  readonly destination?: string;
  readonly ports?: readonly [number, number];
}

/** A reader of the header as section 2.2 of the specification tells a receiver to read it: by offsets, and nothing of the writer's. */
function readHeader(bytes: Buffer): ReadHeader {
  assert.equal(bytes.subarray(0, 12).toString("latin1"), "\r\n\r\n\0\r\nQUIT\n");
  assert.equal((bytes[12] ?? 0) >> 4, 2, "version");
  const command = (bytes[12] ?? 0) & 0x0f;
  const length = bytes.readUInt16BE(14);
  assert.equal(bytes.length, 16 + length, "the length is that of all that follows");
  const size = { 0x00: 0, 0x11: 4, 0x21: 16 }[bytes[13] ?? -1];
  assert.ok(size !== undefined, "a family that is known");
  if (size === 0) return { command, family: "UNSPEC" };
  const hex = (at: number): string => bytes.subarray(at, at + size).toString("hex");
  return {
    command,
    family: size === 4 ? "TCP4" : "TCP6",
    source: hex(16),
    destination: hex(16 + size),
    ports: [bytes.readUInt16BE(16 + 2 * size), bytes.readUInt16BE(18 + 2 * size)],
  };
}

const ends = (source: string, destination: string): ProxyEndpoints => ({
  source: { host: source, port: 40_000 },
  destination: { host: destination, port: 9150 },
});
const hexOf = (address: string): string => ipBytes(address)?.toString("hex") ?? "";

/** IPv4 as the IPv6 address that stands for it, to compare both families. */
function wide(hex: string): string {
  return hex.length === 8 ? `${"0".repeat(20)}ffff${hex}` : hex;
}

const anyEnd = fc.record({ host: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.nat(65_535) });

describe("proxyHeader", () => {
  it("writes IPv4 byte for byte as the specification shows it", () => {
    assert.equal(
      proxyHeader(ends("192.0.2.7", "198.51.100.1")).toString("hex"),
      "0d0a0d0a000d0a515549540a 21 11 000c c0000207 c6336401 9c40 23be".replaceAll(" ", ""),
    );
  });

  const unspec: [what: string, endpoints: ProxyEndpoints | undefined][] = [
    ["ends that are not known", undefined],
    ["a source that is no address", ends("pump-7", "192.0.2.1")],
    ["a destination that is no address", ends("192.0.2.1", "")],
    [
      "a port that is none",
      { ...ends("192.0.2.1", "192.0.2.2"), source: { host: "192.0.2.1", port: 65_536 } },
    ],
    [
      "half a port",
      { ...ends("192.0.2.1", "192.0.2.2"), source: { host: "192.0.2.1", port: 0.5 } },
    ],
  ];
  for (const [what, endpoints] of unspec) {
    it(`says UNSPEC for ${what}`, () => {
      assert.deepEqual(readHeader(proxyHeader(endpoints)), { command: 1, family: "UNSPEC" });
      assert.equal(proxyHeader(endpoints).length, 16);
    });
  }

  it("takes mapped addresses for IPv4, and leaves a zone out", () => {
    const { family, source } = readHeader(proxyHeader(ends("::ffff:192.0.2.7", "192.0.2.1")));
    assert.deepEqual([family, source], ["TCP4", hexOf("192.0.2.7")]);
    assert.equal(readHeader(proxyHeader(ends("fe80::1%eth0", "fe80::2"))).source, hexOf("fe80::1"));
  });

  it("writes both ends as IPv6 where one is", () => {
    const read = readHeader(proxyHeader(ends("192.0.2.7", "2001:db8::1")));
    assert.deepEqual(
      [read.family, read.source, read.destination],
      ["TCP6", hexOf("::ffff:192.0.2.7"), hexOf("2001:db8::1")],
    );
  });

  it("whatever is written is read back by a receiver", () => {
    fc.assert(
      fc.property(anyEnd, anyEnd, (source, destination) => {
        const read = readHeader(proxyHeader({ source, destination }));
        assert.equal(read.command, 1);
        assert.deepEqual(read.ports, [source.port, destination.port]);
        const widened = [read.source ?? "", read.destination ?? ""].map(wide);
        assert.deepEqual(widened, [wide(hexOf(source.host)), wide(hexOf(destination.host))]);
      }),
    );
  });

  it("writes something for any text", () => {
    fc.assert(
      fc.property(fc.string(), fc.double(), (host, port) => {
        const header = proxyHeader({ source: { host, port }, destination: { host, port } });
        assert.ok([16, 28, 52].includes(header.length));
        readHeader(header);
      }),
    );
  });
});
