import assert from "node:assert/strict";
import { it } from "node:test";
import { FFDHE3072_PEM } from "./ffdhe3072.ts";

/** floor(2^bits × e), by the series of e with 64 bits to spare. */
function scaledE(bits: bigint): bigint {
  const spare = 64n;
  let term = 1n << (bits + spare);
  let sum = 0n;
  for (let k = 1n; term > 0n; k += 1n) {
    sum += term;
    term /= k;
  }
  return sum >> spare;
}

it("the group for old peers is the prime of RFC 7919 appendix A.2, with generator 2", () => {
  const prime = (1n << 3072n) - (1n << 3008n) + ((scaledE(2942n) + 2_625_351n) << 64n) - 1n;
  const der = Buffer.from(FFDHE3072_PEM.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  const expected = `308201880282018100${prime.toString(16)}020102`;
  assert.equal(der.toString("hex"), expected);
});
