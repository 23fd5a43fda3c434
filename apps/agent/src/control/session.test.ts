import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  ComponentHealthSchema,
  ServerErrorResponseType,
  TautlineError,
} from "@tautline/protocol";
import { createFakeTransport, type FakeTransport } from "../../test/fake-transport.ts";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import { createNextMessage, type NextMessage } from "./next-message.ts";
import { runSession, type Order, type SessionEnd, type SessionOptions } from "./session.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const instanceUid = agentIdToBytes(ID);
const HEARTBEAT_MS = 30_000;
const ANSWER_MS = 10_000;

interface Scene {
  readonly clock: ManualClock;
  readonly nextMessage: NextMessage;
  readonly transport: FakeTransport;
  readonly seen: string[];
  readonly orders: Order[];
  readonly end: Promise<SessionEnd>;
  readonly leave: () => void;
}

/** A session that has just sent its first message. */
async function start(
  change: Partial<SessionOptions> = {},
  leaving = new AbortController(),
): Promise<Scene> {
  const clock = createManualClock();
  const nextMessage = createNextMessage(ID, 1n, {
    health: create(ComponentHealthSchema, { healthy: true }),
  });
  const seen: string[] = [];
  const orders: Order[] = [];
  const opened = Promise.withResolvers<FakeTransport>();
  const end = runSession(
    async (events) => {
      const transport = createFakeTransport(events);
      opened.resolve(transport);
      return transport;
    },
    {
      agentId: ID,
      nextMessage,
      clock,
      answerTimeoutMs: ANSWER_MS,
      heartbeatMs: () => HEARTBEAT_MS,
      onAnswered: (address, evidence) => seen.push(`connected ${address} ${evidence.level}`),
      onAnswer: () => seen.push("answer"),
      onOrder: (order) => orders.push(order),
      onProblem: ({ code }) => seen.push(code),
      ...change,
    },
    leaving.signal,
  );
  const transport = await opened.promise;
  // The session goes on in the turn after its transport is open.
  await new Promise(setImmediate);
  return { clock, nextMessage, transport, seen, orders, end, leave: () => leaving.abort() };
}

test("DESIGN promise 4: connected means that the first message was answered, and is said once a link", async () => {
  const { transport, seen } = await start();
  assert.equal(transport.sent.length, 1);
  assert.equal(transport.sent[0]?.health?.healthy, true);
  assert.deepEqual(seen, []);
  transport.deliver({ instanceUid });
  transport.deliver({ instanceUid });
  assert.deepEqual(seen, ["connected central.example:9150 mtls", "answer", "answer"]);
});

test("no ping-pong: an answer that changes nothing is not answered", async () => {
  const { transport } = await start();
  for (let count = 0; count < 5; count += 1) transport.deliver({ instanceUid });
  assert.equal(transport.sent.length, 1);
});

test("a heartbeat goes out after the interval, without the parts that central knows", async () => {
  const { transport, clock } = await start();
  transport.deliver({ instanceUid });
  clock.advance(HEARTBEAT_MS - 1);
  assert.equal(transport.sent.length, 1);
  clock.advance(1);
  assert.equal(transport.sent.length, 2);
  assert.equal(transport.sent[1]?.health, undefined);
  assert.equal(transport.sent[1]?.sequenceNum, 2n);
});

test("ReportFullState is answered at once with everything", async () => {
  const { transport } = await start();
  transport.deliver({ instanceUid, flags: 1n });
  assert.equal(transport.sent[1]?.health?.healthy, true);
});

test("one message is under way at a time: news waits for the answer", async () => {
  const { transport, nextMessage } = await start();
  nextMessage.report({ health: create(ComponentHealthSchema, { healthy: false }) });
  assert.equal(transport.sent.length, 1);
  transport.deliver({ instanceUid });
  assert.equal(transport.sent[1]?.health?.healthy, false);
});

test("F4: a message without an answer in time ends the session, and what it told is news again", async () => {
  const { transport, clock, end, nextMessage } = await start();
  transport.deliver({ instanceUid });
  nextMessage.report({ health: create(ComponentHealthSchema, { healthy: false }) });
  clock.advance(HEARTBEAT_MS + ANSWER_MS);
  const { error, answeredForMs } = await end;
  assert.equal(error?.code, "agent.central_silent");
  assert.equal(answeredForMs, HEARTBEAT_MS + ANSWER_MS);
  assert.equal(transport.isClosed, true);
  assert.equal(nextMessage.take().health?.healthy, false);
  assert.deepEqual(clock.pending, []);
});

test("A4: an error reply to the first message ends the session unconnected", async () => {
  const { transport, end, seen } = await start();
  const errorResponse = { type: ServerErrorResponseType.BAD_REQUEST, errorMessage: "who?" };
  transport.deliver({ instanceUid, errorResponse });
  const { error, answeredForMs, retryAfterMs } = await end;
  assert.deepEqual(
    [error?.code, answeredForMs, retryAfterMs],
    ["agent.refused", undefined, undefined],
  );
  assert.deepEqual(seen, []);
});

test("a later BadRequest is reported, not repeated, and the link goes on", async () => {
  const { transport, seen, clock } = await start();
  transport.deliver({ instanceUid });
  const errorResponse = { type: ServerErrorResponseType.BAD_REQUEST, errorMessage: "what?" };
  transport.deliver({ instanceUid, errorResponse });
  assert.equal(seen.at(-1), "agent.refused");
  assert.equal(transport.sent.length, 1);
  clock.advance(HEARTBEAT_MS);
  assert.equal(transport.sent.length, 2);
});

test("Unavailable ends the session with the wait central asks for, also after good answers", async () => {
  const { transport, end } = await start();
  transport.deliver({ instanceUid });
  transport.deliver({
    instanceUid,
    errorResponse: {
      type: ServerErrorResponseType.UNAVAILABLE,
      errorMessage: "later",
      details: { case: "retryInfo", value: { retryAfterNanoseconds: 42_000_000_000n } },
    },
  });
  const { error, retryAfterMs } = await end;
  assert.deepEqual([error?.code, retryAfterMs], ["agent.central_unavailable", 42_000]);
});

test("orders reach the agent in the order central wrote them", async () => {
  const { transport, orders } = await start();
  transport.deliver({ instanceUid, command: { type: 0 }, remoteConfig: {} });
  assert.deepEqual(
    orders.map((order) => (order.kind === "unsigned" ? order.what : order.kind)),
    ["command", "instruction"],
  );
});

test("a message for another agent is reported and is no answer", async () => {
  const { transport, seen } = await start();
  transport.deliver({ instanceUid: agentIdToBytes("0190a000-0000-7000-8000-00000000beef") });
  assert.deepEqual(seen, ["agent.foreign_message"]);
});

test("bytes that are no message end the session", async () => {
  const { transport, end } = await start();
  transport.deliver(Uint8Array.of(0x0a, 0xff));
  assert.equal((await end).error?.code, "opamp.malformed");
});

test("an agent that cannot keep what it must, such as the proof of its identity, does not count as connected", async () => {
  const { transport, end, seen } = await start({
    onAnswered: () => {
      throw new TautlineError("vault.file_failed");
    },
  });
  transport.deliver({ instanceUid });
  assert.equal((await end).error?.code, "vault.file_failed");
  assert.deepEqual(seen, []);
});

test("a hundred follow-ups within one heartbeat, not one more; the next heartbeat opens the way again", async () => {
  const { transport, seen, clock } = await start();
  for (let count = 0; count < 150; count += 1) transport.deliver({ instanceUid, flags: 1n });
  assert.equal(transport.sent.length, 101);
  assert.equal(seen.filter((each) => each === "agent.too_many_answers").length, 1);
  clock.advance(HEARTBEAT_MS);
  transport.deliver({ instanceUid, flags: 1n });
  assert.equal(transport.sent.length, 103);
});

test("stopping says goodbye to a central that answered, and ends without an error", async () => {
  const { transport, end, leave } = await start();
  transport.deliver({ instanceUid });
  leave();
  assert.equal((await end).error, undefined);
  assert.notEqual(transport.sent[1]?.agentDisconnect, undefined);
  assert.equal(transport.isClosed, true);
});

test("an agent that stops at its first answer still follows what came with it, and says so before its goodbye", async () => {
  const stopping = new AbortController();
  const { transport, end, orders, nextMessage } = await start(
    { onAnswered: () => stopping.abort() },
    stopping,
  );
  nextMessage.report({ health: create(ComponentHealthSchema, { healthy: false }) });
  transport.deliver({ instanceUid, command: { type: 0 } });
  await end;
  assert.equal(orders.length, 1);
  assert.deepEqual(
    transport.sent.map(({ agentDisconnect }) => agentDisconnect !== undefined),
    [false, false, true],
  );
  assert.equal(transport.sent[1]?.health?.healthy, false);
});

test("stopping before the first answer says nothing to whoever is there", async () => {
  const { transport, end, leave } = await start();
  leave();
  assert.equal((await end).error, undefined);
  assert.equal(transport.sent.length, 1);
});

test("a link that breaks ends the session with its reason", async () => {
  const { transport, end } = await start();
  transport.break(
    new TautlineError("link.broken", { detail: { address: "x", reason: "ECONNRESET" } }),
  );
  assert.equal((await end).error?.code, "link.broken");
});

test("a link that cannot be opened is an end like any other", async () => {
  const options: SessionOptions = {
    agentId: ID,
    nextMessage: createNextMessage(ID, 1n, {}),
    clock: createManualClock(),
    answerTimeoutMs: ANSWER_MS,
    heartbeatMs: () => HEARTBEAT_MS,
    onAnswered: () => {},
    onAnswer: () => {},
    onOrder: () => {},
    onProblem: () => {},
  };
  const end = await runSession(
    () => Promise.reject(new TautlineError("link.timeout")),
    options,
    new AbortController().signal,
  );
  assert.equal(end.error?.code, "link.timeout");
  assert.equal(end.answeredForMs, undefined);
});
