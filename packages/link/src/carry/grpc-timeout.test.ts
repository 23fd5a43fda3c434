import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  answerGrpc,
  call,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";

test("each unit of a deadline is read, eight digits at most, and what a timer cannot wait is cut", () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ["10S", 10_000],
    ["0m", 0],
    ["2M", 120_000],
    ["1H", 3_600_000],
    ["1500u", 1.5],
    ["2000000n", 2],
    ["99999999H", 2 ** 31 - 1],
    ["123456789m", undefined],
    ["", undefined],
    ["S", undefined],
    ["10", undefined],
    ["10s", undefined],
    ["1.5S", undefined],
    ["-1S", undefined],
    [" 1S", undefined],
    ["1S,2S", undefined],
    ["1S\n", undefined],
  ];
  for (const [text, wanted] of table) assert.equal(parseGrpcTimeout(text), wanted, text);
});

test("any text is a deadline that a timer can wait, or none", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{0,9}[HMSmunx]?$/)), (text) => {
      const ms = parseGrpcTimeout(text);
      assert.equal(ms !== undefined, /^\d{1,8}[HMSmun]$/.test(text));
      assert.ok(ms === undefined || (ms >= 0 && ms < 2 ** 31));
    }),
  );
});

test("a deadline is passed on as it came and enforced here too: 4 DEADLINE_EXCEEDED at the caller, cancelled at the backend", async () => {
  let seen: unknown;
  const cancelled = Promise.withResolvers<number>();
  await using backend = await startHttp2Backend((stream, headers) => {
    seen = headers["grpc-timeout"];
    if (headers["x-wait"] === undefined) return answerGrpc(stream);
    stream.on("close", () => cancelled.resolve(stream.rstCode));
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  assert.equal((await call(session, { "grpc-timeout": "5000000u" })).trailers["grpc-status"], "0");
  assert.equal(seen, "5000000u");
  const late = await call(session, { "grpc-timeout": "50m", "x-wait": "1" });
  assert.equal(late.headers["grpc-status"], "4");
  assert.equal(await cancelled.promise, 8);
  const malformed = await call(session, { "grpc-timeout": "soon" });
  assert.equal(malformed.headers["grpc-status"], "3");
  assert.match(
    decodeURIComponent(String(malformed.headers["grpc-message"])),
    /'soon' is not a deadline/,
  );
  await upstreams.stop(0);
});
