import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ipBytes, ipv4Text } from "./ip-bytes.ts";

/** The groups of an address as the URL standard writes them: read by code that is not ours. */
function groupsByUrl(address: string): number[] {
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = host.split("::");
  const [front, back] = [readGroups(head), readGroups(tail ?? "")];
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function readGroups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

describe("ipBytes", () => {
  const known: [text: string, hex: string | undefined][] = [
    ["127.0.0.1", "7f000001"],
    ["::", "00".repeat(16)],
    ["::1", `${"00".repeat(15)}01`],
    ["0:0:0:0:0:0:0:1", `${"00".repeat(15)}01`],
    ["::FFFF:127.0.0.1", `${"00".repeat(10)}ffff7f000001`],
    ["fe80::", `fe80${"00".repeat(14)}`],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["fe80::1%eth0", undefined],
    ["127.1", undefined],
    ["0x7f.0.0.1", undefined],
    ["0177.0.0.1", undefined],
    ["2130706433", undefined],
    ["[::1]", undefined],
    ["localhost", undefined],
    ["", undefined],
  ];
  for (const [text, hex] of known) {
    it(`reads '${text}' as ${hex ?? "no address"}`, () => {
      assert.equal(ipBytes(text)?.toString("hex"), hex);
    });
  }

  it("reads every IPv6 address as the URL standard does", () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const bytes = ipBytes(address);
        const groups = Array.from({ length: 8 }, (_, at) => bytes?.readUInt16BE(at * 2));
        assert.deepEqual(groups, groupsByUrl(address));
      }),
    );
  });

  it("writes every IPv4 address as it read it", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        assert.equal(ipv4Text(ipBytes(address) ?? Buffer.alloc(0)), address);
      }),
    );
  });

  it("takes no other text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const length = ipBytes(text)?.length;
        assert.ok(length === undefined || length === 4 || length === 16);
      }),
    );
  });
});
