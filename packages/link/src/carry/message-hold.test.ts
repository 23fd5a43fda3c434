import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import {
  answerGrpc,
  call,
  grpcMessage,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";
import { HeldBytes } from "./held-bytes.ts";
import { MessageHold } from "./message-hold.ts";

const refusal = new TautlineError("carry.cancelled", { detail: { reason: "told to" } });

test("a message that is refused does not pass, nor do those after it; those before it have", () => {
  const hold = new MessageHold({
    largestBytes: 100,
    message: (message) => (String(message) === "bad" ? refusal : undefined),
  });
  assert.deepEqual(hold.read(grpcMessage("good")), grpcMessage("good"));
  assert.equal(hold.read(Buffer.concat([grpcMessage("good"), grpcMessage("bad")])), refusal);
});

test("a message longer than is held back is refused by its prefix", () => {
  const hold = new MessageHold({ largestBytes: 3, message: () => undefined });
  const told = hold.read(grpcMessage("four").subarray(0, 5));
  assert.ok(isTautlineError(told) && told.code === "carry.message_too_large");
});

test("a message whose first byte is neither 0 nor 1 is refused: servers read it differently", () => {
  const hold = new MessageHold({ largestBytes: 100, message: () => undefined });
  const odd = grpcMessage("x");
  odd[0] = 2;
  const told = hold.read(odd);
  assert.ok(isTautlineError(told) && told.code === "carry.cancelled");
});

test("a message that is refused never reaches the backend: its call ends with the refusal, and what is cut short is not passed on", async () => {
  let bytes = 0;
  await using backend = await startHttp2Backend((stream) => {
    stream.on("data", (part: Buffer) => (bytes += part.length));
    answerGrpc(stream);
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(() => ({
    to: upstreams,
    look: {
      largestBytes: 1_000,
      message: (message) => {
        const detail = { address: "x", text: "", code: "", remedy: "" };
        const denied = new TautlineError("carry.backend_denied", { detail });
        return String(message) === "spoofed" ? denied : undefined;
      },
    },
  }));
  const session = scene.dial();
  assert.equal((await call(session, {}, grpcMessage("honest"))).trailers["grpc-status"], "0");
  assert.equal(bytes, 11);
  const answer = await call(session, {}, grpcMessage("spoofed"));
  assert.equal(answer.headers["grpc-status"], "7");
  const short = await call(session, {}, grpcMessage("cut short").subarray(0, 8));
  assert.equal(short.headers["grpc-status"], "1");
  assert.equal(bytes, 11);
  await upstreams.stop(0);
});

test("A29: what all calls hold back together is bounded: one more is refused, and what a call held is free when it ends", async () => {
  await using backend = await startHttp2Backend((stream) => answerGrpc(stream));
  const upstreams = upstreamsTo([backend.port]);
  const held = new HeldBytes(16);
  await using scene = await startCarryScene(() => ({
    to: upstreams,
    look: { largestBytes: 1_000, held, message: () => undefined },
  }));
  const session = scene.dial();
  const [whole, longer] = [grpcMessage("eleven bytes"), grpcMessage("twelve bytes")];
  assert.equal(whole.length, 17);
  const refused = await call(session, {}, whole);
  assert.equal(refused.headers["grpc-status"], "8");
  assert.match(String(refused.headers["grpc-message"]), /carry\.too_much_held/);
  const short = await call(session, {}, longer.subarray(0, 16));
  assert.equal(short.headers["grpc-status"], "1", "it was held, and never became whole");
  assert.equal(held.held, 0);
  assert.equal((await call(session, {}, grpcMessage("it fits"))).trailers["grpc-status"], "0");
  assert.equal(held.held, 0);
  await upstreams.stop(0);
});

const broken = (): never => {
  throw new Error("a mistake in the look");
};

test("a look that fails ends its call, and nothing of what it did not see passes", async () => {
  let bytes = 0;
  await using backend = await startHttp2Backend((stream) => {
    stream.on("data", (part: Buffer) => (bytes += part.length));
    answerGrpc(stream);
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(() => ({
    to: upstreams,
    look: { largestBytes: 1_000, message: broken },
  }));
  const answer = await call(scene.dial(), {}, grpcMessage("unseen"));
  assert.equal(answer.headers["grpc-status"], "13");
  assert.doesNotMatch(String(answer.headers["grpc-message"]), /mistake/);
  assert.equal(bytes, 0);
  await upstreams.stop(0);
});
