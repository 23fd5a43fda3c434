import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { refusalOf } from "../fixture-checks.test.ts";
import { readBody } from "./request-body.ts";

const LIMIT = 100;

/** A request as far as its body is concerned: what was read of it, in pieces. */
function requestOf(
  pieces: Iterable<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): IncomingMessage {
  const socket = { remoteAddress: "192.0.2.1" };
  const stream = Readable.from(pieces, { objectMode: false });
  return Object.assign(stream, { headers, socket }) as unknown as IncomingMessage;
}

const gzip = { "content-encoding": "gzip" };

describe("readBody", () => {
  it("reads up to the limit, in however many pieces", async () => {
    const body = Buffer.alloc(LIMIT, 7);
    for (const pieces of [
      [body],
      [body.subarray(0, 1), body.subarray(1)],
      [...body].map((each) => Buffer.of(each)),
    ]) {
      assert.deepEqual(await readBody(requestOf(pieces), LIMIT), body);
    }
    assert.equal((await readBody(requestOf([]), LIMIT)).length, 0);
  });

  it("refuses a byte more, and reads no further", async () => {
    let produced = 0;
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        produced += 1;
        yield Buffer.alloc(LIMIT, 1);
      }
    }
    await refusalOf(readBody(requestOf([Buffer.alloc(LIMIT + 1)]), LIMIT), "opamp.too_large");
    await refusalOf(readBody(requestOf(endless()), LIMIT), "opamp.too_large");
    assert.ok(produced < 2_000, `${produced} pieces were read`);
  });

  it("refuses a declared length over the limit before it reads anything", async () => {
    const request = requestOf([Buffer.alloc(1)], { "content-length": String(LIMIT + 1) });
    const refusal = await refusalOf(readBody(request, LIMIT), "opamp.too_large");
    assert.equal(refusal.detail["size"], LIMIT + 1);
    assert.equal(request.readableDidRead, false);
  });

  it("A29: takes gzip, bounded by what comes out", async () => {
    const zipped = (size: number): IncomingMessage =>
      requestOf([gzipSync(Buffer.alloc(size, 5))], gzip);
    assert.equal((await readBody(zipped(LIMIT), LIMIT)).length, LIMIT);
    await refusalOf(readBody(zipped(LIMIT + 1), LIMIT), "opamp.too_large");
    await refusalOf(readBody(requestOf([Buffer.from("no gzip")], gzip), LIMIT), "opamp.malformed");
    const cut = gzipSync(Buffer.alloc(LIMIT, 5)).subarray(0, -4);
    await refusalOf(readBody(requestOf([cut], gzip), LIMIT), "opamp.malformed");
  });

  for (const coding of ["deflate", "br", "gzip, gzip", "x-gzip", "identity, gzip", ""]) {
    it(`refuses the coding '${coding}'`, async () => {
      const request = requestOf([Buffer.alloc(1)], { "content-encoding": coding });
      await refusalOf(readBody(request, LIMIT), "api.unsupported_media");
    });
  }

  it("says that a body was cut, and keeps why", async () => {
    const failure = new Error("aborted");
    function* cut(): Generator<Uint8Array> {
      yield Buffer.alloc(1);
      throw failure;
    }
    const refusal = await refusalOf(readBody(requestOf(cut()), LIMIT), "link.broken");
    assert.equal(refusal.cause, failure);
  });

  it("any bytes in any coding give a body within the limit, or one of its refusals", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 }),
        fc.constantFrom({}, gzip, { "content-length": "50" }, { "content-length": "x" }),
        async (pieces, headers) => {
          try {
            const body = await readBody(requestOf(pieces, headers), LIMIT);
            assert.ok(body.length <= LIMIT);
          } catch (error) {
            assert.ok(isTautlineError(error), String(error));
            assert.match(error.code, /^opamp\.(too_large|malformed)$/);
          }
        },
      ),
    ));
});
