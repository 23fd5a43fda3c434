import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_STATUS,
  ComponentHealthSchema,
  ConnectionSettingsRequestSchema,
  CustomCapabilitiesSchema,
  customMessage,
  encodeAgentToServer,
  type AgentToServer,
} from "@tautline/protocol";
import { createNextMessage } from "./next-message.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const health = (healthy: boolean) => create(ComponentHealthSchema, { healthy });
const customCapabilities = create(CustomCapabilitiesSchema, { capabilities: ["io.example"] });
const receipt = (number: number) =>
  customMessage(CAPABILITY_INSTRUCTION, "receipt", Uint8Array.of(number));
const fresh = () => createNextMessage(ID, 0x2801n, { health: health(true), customCapabilities });
const custom = (message: AgentToServer) => message.customMessage?.data[0];

test("the first message is the full status; the next, answered in between, only says who it is", () => {
  const next = fresh();
  const first = next.take();
  assert.deepEqual(first.instanceUid, agentIdToBytes(ID));
  assert.equal(first.capabilities, 0x2801n);
  assert.equal(first.health?.healthy, true);
  assert.deepEqual(first.customCapabilities?.capabilities, ["io.example"]);
  next.settle();
  assert.equal(next.hasNews, false);
  const heartbeat = next.take();
  assert.equal(heartbeat.health, undefined);
  assert.equal(heartbeat.capabilities, 0x2801n);
});

test("sequence numbers grow by one with each message, also over a broken link", () => {
  const next = fresh();
  const numbers = [next.take(), next.take()].map((message) => message.sequenceNum);
  next.restore();
  numbers.push(next.take().sequenceNum);
  assert.deepEqual(numbers, [1n, 2n, 3n]);
});

test("changes merge: only the latest state of a part is told", () => {
  const next = fresh();
  next.take();
  next.settle();
  next.report({ health: health(false) });
  next.report({ health: health(true) });
  assert.equal(next.hasNews, true);
  const message = next.take();
  assert.equal(message.health?.healthy, true);
  assert.equal(message.customCapabilities, undefined);
});

test("what was taken but not answered is told again, with what came since", () => {
  const next = fresh();
  next.enqueue(receipt(1));
  const lost = next.take();
  assert.equal(custom(lost), 1);
  next.restore();
  const again = next.take();
  assert.equal(again.health?.healthy, true);
  assert.equal(custom(again), 1);
  next.settle();
  assert.equal(next.hasNews, false);
});

test("a full state is told when asked for, whatever was told before", () => {
  const next = fresh();
  next.take();
  next.settle();
  next.reportFullState();
  assert.equal(next.take().health?.healthy, true);
});

test("custom messages go one at a time, in order", () => {
  const next = fresh();
  next.enqueue(receipt(1));
  next.enqueue(receipt(2));
  const seen: (number | undefined)[] = [];
  while (next.hasNews) {
    seen.push(custom(next.take()));
    next.settle();
  }
  assert.deepEqual(seen, [1, 2]);
});

test("while central is away at most 64 custom messages are kept, the latest ones", () => {
  const next = fresh();
  for (let number = 0; number < 65; number += 1) next.enqueue(receipt(number));
  const seen: (number | undefined)[] = [];
  while (next.hasNews) {
    seen.push(custom(next.take()));
    next.settle();
  }
  assert.equal(seen.length, 64);
  assert.equal(seen[0], 1);
  assert.equal(seen.at(-1), 64);
});

test("a goodbye says so, carries the news, and does not repeat what went out just before it", () => {
  const next = fresh();
  next.enqueue(receipt(1));
  next.take();
  next.enqueue(receipt(2));
  const message = next.take({ disconnect: true });
  assert.notEqual(message.agentDisconnect, undefined);
  assert.equal(message.health, undefined);
  assert.equal(custom(message), 2);
  assert.ok(encodeAgentToServer(message).length > 0);
});

test("a message taken over an unsettled one tells what that one told", () => {
  const next = fresh();
  next.take();
  assert.equal(next.take().health?.healthy, true);
});

const request = (number: number) => ({
  connectionSettingsRequest: create(ConnectionSettingsRequestSchema, { opamp: {} }),
  customMessage: customMessage(CAPABILITY_ENROLMENT, "renew", Uint8Array.of(number)),
});

test("a request for an identity goes with the next message, once, before what waits in the queue", () => {
  const next = fresh();
  next.take();
  next.settle();
  next.enqueue(receipt(1));
  next.ask(request(7));
  next.ask(request(8));
  assert.equal(next.hasNews, true);
  const asking = next.take();
  assert.equal(custom(asking), 8);
  assert.notEqual(asking.connectionSettingsRequest, undefined);
  next.settle();
  const later = next.take();
  assert.equal(custom(later), 1);
  assert.equal(later.connectionSettingsRequest, undefined);
});

test("F3: an unanswered request is asked again over the next link, unless it was called off", () => {
  const next = fresh();
  next.ask(request(7));
  next.take();
  next.restore();
  assert.equal(custom(next.take()), 7);
  next.ask(undefined);
  next.restore();
  assert.equal(next.take().customMessage, undefined);
});

test("a goodbye asks for nothing", () => {
  const next = fresh();
  next.ask(request(7));
  assert.equal(next.take({ disconnect: true }).connectionSettingsRequest, undefined);
});

const resuming = () =>
  createNextMessage(
    ID,
    0n,
    { health: health(true), customCapabilities },
    {
      digestOf: (status) => Uint8Array.of(status.health?.healthy === true ? 1 : 0),
    },
  );
const digestIn = ({ customMessage: told }: AgentToServer) =>
  told?.capability === CAPABILITY_STATUS ? told.data[0] : undefined;

test("a link begins with the full status until central has answered it once, then with its digest", () => {
  const next = resuming();
  next.beginLink();
  assert.equal(next.take().health?.healthy, true);
  // The link broke before an answer.
  next.restore();
  next.beginLink();
  const again = next.take();
  assert.deepEqual([again.health?.healthy, digestIn(again)], [true, undefined]);
  next.settle();
  next.beginLink();
  const resumed = next.take();
  assert.deepEqual([resumed.health, digestIn(resumed)], [undefined, 1]);
  next.settle();
  assert.equal(digestIn(next.take()), undefined);
});

test("what it understands is told on every link, for central knows it no longer than that", () => {
  const next = resuming();
  next.beginLink();
  next.take();
  next.settle();
  next.beginLink();
  const resumed = next.take();
  assert.deepEqual([resumed.health, digestIn(resumed)], [undefined, 1]);
  assert.deepEqual(resumed.customCapabilities?.capabilities, ["io.example"]);
});

test("what changed meanwhile comes with the digest of the whole", () => {
  const next = resuming();
  next.take();
  next.settle();
  next.report({ health: health(false) });
  next.beginLink();
  const message = next.take();
  assert.deepEqual([message.health?.healthy, digestIn(message)], [false, 0]);
});

test("central that has another status gets the whole when it asks", () => {
  const next = resuming();
  next.take();
  next.settle();
  next.beginLink();
  next.take();
  next.settle();
  next.reportFullState();
  assert.equal(next.take().health?.healthy, true);
});

test("where a receipt waits, the link begins with the full status: a message carries one custom message", () => {
  const next = resuming();
  next.take();
  next.settle();
  next.enqueue(receipt(7));
  next.beginLink();
  const message = next.take();
  assert.deepEqual([message.health?.healthy, custom(message)], [true, 7]);
});

test("what fills a message goes where nothing more pressing does: not beside a receipt, a digest or a request", () => {
  const fillings = [9, 8];
  const filler = () => {
    const number = fillings.shift();
    return number === undefined ? undefined : receipt(number);
  };
  const next = createNextMessage(
    ID,
    0x2801n,
    { health: health(true), customCapabilities },
    { digestOf: () => Uint8Array.of(5), filler },
  );
  const told = (): unknown => {
    const number = custom(next.take());
    next.settle();
    return number;
  };
  assert.equal(next.hasNews, true);
  next.enqueue(receipt(1));
  assert.equal(told(), 1);
  next.beginLink();
  assert.equal(told(), 5);
  next.ask({
    connectionSettingsRequest: create(ConnectionSettingsRequestSchema, {}),
    customMessage: receipt(2),
  });
  assert.equal(told(), 2);
  assert.equal(next.hasNews, false);
  assert.equal(custom(next.take({ disconnect: true })), 9);
  next.settle();
  assert.equal(custom(next.take()), 8);
  next.restore();
  assert.deepEqual([told(), told()], [8, undefined]);
});
