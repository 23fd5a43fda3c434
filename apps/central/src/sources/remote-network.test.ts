import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { HISTORY_LIMITS } from "../history/history-limits.ts";
import { networkOf, shownAddress } from "./remote-network.ts";

describe("networkOf", () => {
  const rows: [address: string, network: string][] = [
    ["192.0.2.77", "192.0.2.0/24"],
    ["::ffff:192.0.2.77", "192.0.2.0/24"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002:a:b:c:d", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["unknown", "unknown"],
    ["", "unknown"],
    ["192.0.2", "unknown"],
    ["::ffff:999.0.2.1", "unknown"],
  ];
  for (const [address, network] of rows) {
    it(`puts '${address}' into ${network}`, () => assert.equal(networkOf(address), network));
  }

  it("all of one network are one, and no other is in it", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV4(), (six, four) => {
        assert.match(networkOf(six), /^([0-9a-f]{1,4}:){4}:\/64$|^\d+\.\d+\.\d+\.0\/24$/);
        const [a, b, c] = four.split(".");
        assert.equal(networkOf(four), `${a}.${b}.${c}.0/24`);
      }),
    );
  });
});

describe("shownAddress", () => {
  it("A27: cannot move a terminal's cursor, and is bounded", () => {
    const most = HISTORY_LIMITS.addressCharacters;
    assert.equal(shownAddress("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(shownAddress("fe80::1%\u001b[2J"), "fe80::1%\uFFFD[2J");
    assert.equal(shownAddress("a".repeat(most)), "a".repeat(most));
    assert.equal(shownAddress("a".repeat(most + 1)).length, most);
  });
});
