import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LEVELS } from "./level.ts";
import { formatOffer, type PeerOffer, readOffer } from "./offer.ts";

test("an offer is read as it was written", () => {
  const offer: PeerOffer = { version: "0.1.0", levels: ["tls", "mtls"] };
  assert.equal(formatOffer(offer), "0.1.0; levels=tls,mtls");
  assert.deepEqual(readOffer(formatOffer(offer)), offer);
  const nothing: PeerOffer = { version: "4.47.2+build.7", levels: [] };
  assert.deepEqual(readOffer(formatOffer(nothing)), nothing);
});

test("what a newer version adds is passed over: levels nobody here knows, and parameters behind", () => {
  assert.deepEqual(readOffer("2.0.0; levels=mtls,quantum-9,tls"), {
    version: "2.0.0",
    levels: ["mtls", "tls"],
  });
  assert.deepEqual(readOffer("2.0.0; levels=mtls; features=a,b; floor=mtls"), {
    version: "2.0.0",
    levels: ["mtls"],
  });
});

test("what is not one offer in this one form is no offer", () => {
  const cases = [
    undefined,
    "",
    "0.1.0",
    "0.1.0;levels=tls",
    "0.1.0; levels=tls ",
    " 0.1.0; levels=tls",
    "0.1.0; levels=tls,,mtls",
    "0.1.0; levels=tls,tls",
    "0.1.0; levels=TLS",
    "0.1.0; levels=tls, mtls",
    "; levels=tls",
    "-1; levels=tls",
    `${"1".repeat(65)}; levels=tls`,
    "0.1.0; levels=tls\u001B[2J",
    "0.1.0; levels=tls\n",
    "0.1.0; levels=tls; more",
    `0.1.0; levels=${Array.from({ length: 17 }, (_, at) => `l${at}`).join(",")}`,
    `0.1.0; levels=tls${"; a=b".repeat(200)}`,
    ["0.1.0; levels=tls", "0.1.0; levels=tls"],
    "0.1.0; levels=tls, 0.1.0; levels=tls",
  ];
  for (const header of cases) assert.equal(readOffer(header), undefined, String(header));
});

test("no text at all makes the reader throw, and what it gives is printable and bounded", () => {
  const nearly = fc.tuple(
    fc.string({ maxLength: 70 }),
    fc.array(fc.oneof(fc.constantFrom(...LEVELS), fc.string({ maxLength: 20 })), { maxLength: 20 }),
    fc.string({ maxLength: 20 }),
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 600 }),
    nearly.map(([version, levels, more]) => `${version}; levels=${levels.join(",")}${more}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const offer = readOffer(text);
      if (offer === undefined) return;
      assert.match(offer.version, /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/);
      assert.equal(new Set(offer.levels).size, offer.levels.length);
      assert.deepEqual(readOffer(formatOffer(offer)), offer);
    }),
  );
});

test("every offer of this product comes back whole", () => {
  const versions = fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999)).map((parts) => parts.join("."));
  fc.assert(
    fc.property(versions, fc.subarray([...LEVELS]), (version, levels) => {
      assert.deepEqual(readOffer(formatOffer({ version, levels })), { version, levels });
    }),
  );
});
