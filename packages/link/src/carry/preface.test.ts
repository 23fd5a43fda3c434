import assert from "node:assert/strict";
import { test } from "node:test";
import { PassThrough } from "node:stream";
import * as fc from "fast-check";
import { awaitHttp, tellHttp } from "./preface.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

test("the preface is HTTP/2, a method HTTP/1.1, TLS and other bytes neither, and a beginning may be either", () => {
  for (let length = 0; length < PREFACE.length; length += 1) {
    assert.equal(tellHttp(PREFACE.subarray(0, length)), undefined);
  }
  assert.equal(tellHttp(Buffer.concat([PREFACE, PREFACE])), "h2");
  assert.equal(tellHttp(Buffer.from("POST /v1")), "http/1.1");
  assert.equal(tellHttp(Buffer.from("PRO")), "http/1.1");
  assert.equal(tellHttp(Buffer.from([0x16, 3, 1])), "unknown");
  assert.equal(tellHttp(Buffer.from("ssh-2.0 hello")), "unknown");
});

test("any bytes get a verdict by the time a preface could have come", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 40 }), (bytes) => {
      assert.notEqual(tellHttp(bytes), undefined);
    }),
  );
});

test("however the first bytes come, none is lost", async () => {
  const bytes = Buffer.concat([PREFACE, Buffer.from("and what follows")]);
  for (const step of [1, 5, 24, bytes.length]) {
    const stream = new PassThrough();
    const told = awaitHttp(stream, 10_000);
    for (let at = 0; at < bytes.length; at += step) stream.write(bytes.subarray(at, at + step));
    assert.equal(await told, "h2");
    stream.end();
    let read = "";
    for await (const part of stream) read += String(part);
    assert.equal(read, String(bytes));
  }
});

test("an end, a close and silence before that are named", async () => {
  const ended = new PassThrough();
  const told = awaitHttp(ended, 10_000);
  ended.end("PRI");
  await assert.rejects(told, { code: "carry.caller_lost" });
  const closed = new PassThrough();
  closed.destroy();
  await assert.rejects(awaitHttp(closed, 10_000), { code: "carry.caller_lost" });
  await assert.rejects(awaitHttp(new PassThrough(), 20), { code: "carry.no_first_call" });
  const tls = new PassThrough();
  tls.write(Buffer.from([0x16, 3, 1]));
  await assert.rejects(awaitHttp(tls, 10_000), {
    code: "carry.not_http",
    message: /TLS once more/,
  });
});
