import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeJoinToken,
  encodeJoinToken,
  formatTokenCredential,
  parseTokenCredential,
} from "./join-token.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const tokenId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const address = fc
  .tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 }))
  .map((parts) => parts.join(":"));
const parts = fc.tuple(
  fc.array(address, { minLength: 1, maxLength: 4 }),
  fc.array(hash, { minLength: 1, maxLength: 4 }),
  tokenId,
  hash,
);

test("every join token comes back as its parts, whatever the addresses, pins, id and secret", () => {
  fc.assert(
    fc.property(parts, ([addresses, pins, id, secret]) => {
      const place = { trustDomain: "fleet.org", namespace: "default" };
      const token = { ...place, addresses, pins, tokenId: id, secret };
      assert.deepEqual(decodeJoinToken(encodeJoinToken(token)), token);
    }),
  );
});

test("every credential comes back as its parts", () => {
  fc.assert(
    fc.property(tokenId, hash, (id, secret) => {
      const credential = parseTokenCredential(formatTokenCredential(id, secret));
      assert.deepEqual(credential, { tokenId: id, secret });
    }),
  );
});
