import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { usedPsk } from "./used-psk.ts";

describe("a pre-shared key carried the handshake", () => {
  const cases: [string | null, boolean, string, boolean, string][] = [
    ["TLSv1.3", true, "TLS_AES_128_GCM_SHA256", true, "TLS 1.3 went on from the external key"],
    ["TLSv1.3", false, "TLS_AES_128_GCM_SHA256", false, "TLS 1.3 went on with certificates"],
    ["TLSv1.3", false, "TLS_AES_256_GCM_SHA384", false, "the key was dropped for its hash"],
    ["TLSv1.2", false, "DHE-PSK-AES256-GCM-SHA384", true, "the suite names it"],
    ["TLSv1.2", false, "PSK-AES128-GCM-SHA256", true, "the suite names it, without a key exchange"],
    ["TLSv1.2", true, "DHE-PSK-AES256-GCM-SHA384", false, "a resumed session of TLS 1.2"],
    ["TLSv1.2", false, "DHE-RSA-AES256-GCM-SHA384", false, "a suite of certificates"],
    ["TLSv1.2", false, "ECDHE-PSKLIKE-AES128", false, "a suite that only looks like it"],
    ["TLSv1.1", true, "PSK-AES128-CBC-SHA", false, "a protocol that is too old"],
    [null, true, "TLS_AES_128_GCM_SHA256", false, "no handshake at all"],
  ];
  for (const [protocol, isSessionReused, cipher, expected, why] of cases) {
    it(`${expected ? "yes" : "no"}: ${why}`, () => {
      assert.equal(usedPsk({ protocol, isSessionReused, cipher }), expected);
    });
  }
});
