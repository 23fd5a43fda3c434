import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { HANDSHAKE_MESSAGE_BYTES, respond } from "../noise/nnpsk0.ts";
import { recogniseOpening } from "../sniff/opening.ts";
import { readBasicRefusal } from "./basic-refusal.ts";
import { readPreface } from "./preface.ts";
import { basicPrologue, basicPsk } from "./prologue.ts";

// What the fixtures are: packages/protocol/test/README.md.
const FIXTURES = new URL("../../test/fixtures/", import.meta.url);

for (const release of readdirSync(FIXTURES)) {
  const bytesOf = (name: string): Buffer => {
    const text = readFileSync(new URL(`${release}/${name}.hex`, FIXTURES), "ascii");
    return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
  };

  describe(`what release ${release} says first at the level basic`, () => {
    it("is recognised, and its preface still names the key and version it named", () => {
      const bytes = bytesOf("basic-preface");
      assert.equal(recogniseOpening(bytes), "basic");
      assert.deepEqual(readPreface(bytes), {
        kind: "preface",
        preface: { key: { name: "site-3.kiosk", version: 2 } },
        length: bytes.length,
      });
    });

    it("still proves its key, derived and bound as it was then", () => {
      const bytes = bytesOf("basic-opening");
      const reading = readPreface(bytes);
      assert.ok(reading.kind === "preface");
      const message = bytes.subarray(reading.length + 2);
      assert.equal(message.length, HANDSHAKE_MESSAGE_BYTES);
      const prologue = basicPrologue(bytes.subarray(0, reading.length));
      const { payload } = respond({ prologue, psk: basicPsk(Buffer.alloc(32, 1)) }, message);
      assert.equal(payload.length, 0);
    });

    it("and its refusal are still read", () => {
      const reading = readBasicRefusal(bytesOf("basic-refusal"));
      assert.ok(reading.kind === "refusal");
      assert.deepEqual(reading.refusal, {
        code: "policy.level_refused",
        text: "This port does not accept basic; it accepts tls, mtls.",
        remedy: "Set central.level to mtls.",
      });
    });
  });
}
