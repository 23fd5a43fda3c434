import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LinkEvidence } from "@tautline/protocol";
import { mutualEvidence } from "../fixture-core.test.ts";
import { coarseProfile, profileOf, profileText } from "./evidence-profile.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";

const mutual = mutualEvidence("spiffe://default.fleet.test/agent/1", "0a");

describe("profileOf", () => {
  it("is the same for links that differ in who, which serial and when alone", () => {
    const other = {
      ...mutual,
      peerId: "spiffe://x.fleet.test/agent/2",
      peerSerial: "0b",
      since: "",
    };
    assert.equal(profileText(profileOf(mutual)), profileText(profileOf(other)));
  });

  const differences: Partial<LinkEvidence>[] = [
    { level: "tls" },
    { protocol: "TLSv1.2" },
    { protocol: null },
    { cipher: "TLS_AES_128_GCM_SHA256" },
    { group: "X25519" },
    { group: null },
    { pq: false },
    { serverProven: false },
    { clientProven: false },
    { forwardSecret: false },
    { keyId: "plant", peerSerial: null },
  ];
  for (const difference of differences) {
    it(`tells ${JSON.stringify(difference)} apart`, () => {
      const other = profileOf({ ...mutual, ...difference });
      assert.notEqual(profileText(other), profileText(profileOf(mutual)));
    });
  }

  const credentials: [Partial<LinkEvidence>, string][] = [
    [{}, "certificate"],
    [{ clientProven: false }, "none"],
    [{ peerSerial: null }, "none"],
    [{ keyId: "plant", peerSerial: null }, "key"],
    [{ keyId: "plant" }, "certificate"],
  ];
  for (const [evidence, credential] of credentials) {
    it(`says that ${JSON.stringify(evidence)} proves by ${credential}`, () =>
      assert.equal(profileOf({ ...mutual, ...evidence }).credential, credential));
  }

  it("A27: names of ciphers and groups are printable and bounded", () => {
    const most = HISTORY_LIMITS.evidenceCharacters;
    const { cipher, group, protocol } = profileOf({
      ...mutual,
      cipher: "c".repeat(most + 1),
      group: "a\u001b[2J",
      protocol: "p".repeat(most),
    });
    assert.equal(cipher?.length, most);
    assert.equal(group, "a\uFFFD[2J");
    assert.equal(protocol, "p".repeat(most));
  });
});

describe("coarseProfile", () => {
  it("says nothing in favour of a link", () => {
    const { level, ...rest } = coarseProfile("mtls");
    assert.equal(level, "mtls");
    assert.deepEqual(
      Object.values(rest).filter((value) => value !== null && value !== false && value !== "none"),
      [],
    );
  });
});
