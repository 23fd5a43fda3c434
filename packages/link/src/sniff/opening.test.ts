import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { encodePreface } from "../basic/preface.ts";
import { type Opening, OPENING_BYTES, recogniseOpening } from "./opening.ts";

const CASES: [string, Buffer, Opening][] = [
  ["a TLS record", Buffer.from("16030100c8", "hex"), "tls"],
  ["HTTP/1 GET", Buffer.from("GET / HTTP/1.1\r\n"), "http"],
  ["HTTP/1 POST", Buffer.from("POST /v1/opamp HTTP/1.1\r\n"), "http"],
  ["HTTP/1 OPTIONS", Buffer.from("OPTIONS * HTTP/1.1\r\n"), "http"],
  ["HTTP/2", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http2"],
  ["the level basic", encodePreface({ key: { name: "legacy" } }), "basic"],
  ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"), "unknown"],
  ["SSL 2", Buffer.from("802e0100", "hex"), "unknown"],
  ["a TLS record of another major version", Buffer.from("160201", "hex"), "unknown"],
  ["lower-case HTTP", Buffer.from("get / HTTP/1.1"), "unknown"],
  ["HTTP without a blank", Buffer.from("GETAWAY"), "unknown"],
  ["zero bytes", Buffer.alloc(16), "unknown"],
];

describe("the first bytes of a connection tell", () => {
  for (const [what, bytes, opening] of CASES) {
    it(`${what}: ${opening}, also when they come one by one`, () => {
      assert.equal(recogniseOpening(bytes), opening);
      const answers = Array.from(bytes, (_, index) => recogniseOpening(bytes.subarray(0, index)));
      assert.deepEqual(
        answers.filter((answer) => answer !== undefined && answer !== opening),
        [],
      );
    });
  }

  it("nothing of no bytes, and something of eight at the latest", () => {
    assert.equal(recogniseOpening(Buffer.alloc(0)), undefined);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: OPENING_BYTES, maxLength: 40 }), (bytes) => {
        assert.notEqual(recogniseOpening(bytes), undefined);
      }),
    );
  });

  it("the same however much follows", () => {
    fc.assert(
      fc.property(fc.constantFrom(...CASES), fc.uint8Array(), ([, bytes, opening], rest) => {
        assert.equal(recogniseOpening(Buffer.concat([bytes, rest])), opening);
      }),
    );
  });
});
