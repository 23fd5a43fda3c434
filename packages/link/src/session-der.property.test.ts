import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { readSession } from "./session-der.ts";

/** A small whole session: group X25519, a PSK identity, flags. */
const SESSION = Buffer.from(
  "302502010102020304040213010400040401020304a80604046b65792dad03020101b30302011d",
  "hex",
);

function readOrRefuse(der: Uint8Array): void {
  try {
    const { group } = readSession(der);
    assert.ok(group === undefined || (group > 0 && group <= 0xffff));
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, "link.session_unreadable");
  }
}

test("the sample that the mutations start from is a session", () => {
  assert.equal(readSession(SESSION).group, 0x1d);
});

test("any bytes are a session or link.session_unreadable, never another error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), readOrRefuse));
});

test("any change of a whole session is a session or link.session_unreadable", () => {
  const change = fc.record({ at: fc.nat(), cut: fc.nat(4), put: fc.uint8Array({ maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      let der: Buffer = SESSION;
      for (const { at, cut, put } of changes) {
        const start = at % (der.length + 1);
        der = Buffer.concat([der.subarray(0, start), put, der.subarray(start + cut)]);
      }
      readOrRefuse(der);
    }),
    { numRuns: 2000 },
  );
});

test("every single bit flipped in a whole session is a session or link.session_unreadable", () => {
  for (let bit = 0; bit < SESSION.length * 8; bit += 1) {
    const flipped = Buffer.from(SESSION);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    readOrRefuse(flipped);
  }
});
