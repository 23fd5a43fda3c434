import assert from "node:assert/strict";
import { test } from "node:test";
import { agentIdToBytes, TautlineError } from "@tautline/protocol";
import { createFakeTransport, type FakeTransport } from "../../test/fake-transport.ts";
import { createManualClock } from "../../test/manual-clock.ts";
import { createControlLink } from "./control-link.ts";
import { createNextMessage } from "./next-message.ts";
import type { OpenTransport } from "./transport.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const instanceUid = agentIdToBytes(ID);

/** Lets everything that is due in this turn of the event loop happen. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function makeScene(addresses: readonly string[], open?: OpenTransport) {
  const clock = createManualClock();
  const dialled: string[] = [];
  const transports: FakeTransport[] = [];
  const problems: string[] = [];
  let waits = 0;
  let resets = 0;
  const openFake: OpenTransport = async ({ address, events }) => {
    const transport = createFakeTransport(events, address);
    transports.push(transport);
    return transport;
  };
  const link = createControlLink({
    session: {
      agentId: ID,
      nextMessage: createNextMessage(ID, 1n, {}),
      clock,
      answerTimeoutMs: 10_000,
      heartbeatMs: () => 30_000,
      onAnswered: () => {},
      onAnswer: () => {},
      onOrder: () => {},
      onProblem: ({ code }) => problems.push(code),
    },
    identity: () => ({
      openTransport: (options) => {
        dialled.push(options.address);
        return (open ?? openFake)(options);
      },
      dial: () => Promise.reject(new Error("the fake transport dials nothing")),
      onProven: () => {},
      onUnproven: () => {},
    }),
    addresses: () => addresses,
    backoff: {
      next: () => {
        waits += 1;
        return 1_000 * waits;
      },
      reset: () => {
        resets += 1;
      },
    },
    clock,
  });
  const stop = new AbortController();
  return { link, clock, dialled, transports, problems, stop, resets: () => resets };
}

const unreachable: OpenTransport = ({ address }) =>
  Promise.reject(new TautlineError("link.unreachable", { detail: { address, reason: "x" } }));

test("every address is tried in turn before a wait, and the round begins at the first again", async () => {
  const { link, clock, dialled, stop } = makeScene(["a:1", "b:1"], unreachable);
  const ended = link.run(stop.signal);
  await settle();
  assert.deepEqual(dialled, ["a:1", "b:1"]);
  clock.advance(999);
  await settle();
  assert.equal(dialled.length, 2);
  clock.advance(1);
  await settle();
  assert.deepEqual(dialled, ["a:1", "b:1", "a:1", "b:1"]);
  stop.abort();
  assert.equal(await ended, undefined);
});

test("it gives up after the rounds it was given, and says why", async () => {
  const { link, clock, dialled, stop, problems } = makeScene(["a:1"], unreachable);
  const ended = link.run(stop.signal, 2);
  await settle();
  clock.advance(1_000);
  assert.equal((await ended)?.code, "link.unreachable");
  assert.equal(dialled.length, 2);
  assert.deepEqual(problems, ["link.unreachable", "link.unreachable"]);
});

test("connected only between the first answer and the end of the link", async () => {
  const { link, clock, transports, stop } = makeScene(["a:1"]);
  const ended = link.run(stop.signal);
  await settle();
  assert.equal(link.status.connected, false);
  transports[0]?.deliver({ instanceUid });
  assert.deepEqual(
    [link.status.connected, link.status.evidence?.level, link.status.lastAnswerAtMs],
    [true, "mtls", clock.now()],
  );
  transports[0]?.break();
  await settle();
  assert.equal(link.status.connected, false);
  stop.abort();
  await ended;
});

test("waiting starts anew only after a link that was good for ten seconds", async () => {
  const { link, clock, transports, stop, resets } = makeScene(["a:1"]);
  const ended = link.run(stop.signal);
  await settle();
  transports[0]?.deliver({ instanceUid });
  clock.advance(9_999);
  transports[0]?.break();
  await settle();
  assert.equal(resets(), 0);
  clock.advance(1_000);
  await settle();
  transports[1]?.deliver({ instanceUid });
  clock.advance(10_000);
  transports[1]?.break();
  await settle();
  assert.equal(resets(), 1);
  stop.abort();
  await ended;
});

test("Retry-After of an HTTP refusal is honoured, and bounded to a quarter of an hour", async () => {
  for (const [seconds, waitMs] of [
    [42, 42_000],
    [999_999, 900_000],
  ] as const) {
    const refusing: OpenTransport = ({ address }) =>
      Promise.reject(
        new TautlineError("link.refused", { detail: { address, retryAfterSeconds: seconds } }),
      );
    const { link, clock, dialled, stop } = makeScene(["a:1"], refusing);
    const ended = link.run(stop.signal);
    await settle();
    clock.advance(waitMs - 1);
    await settle();
    assert.equal(dialled.length, 1);
    clock.advance(1);
    await settle();
    assert.equal(dialled.length, 2);
    stop.abort();
    await ended;
  }
});

test("stopping ends a wait at once", async () => {
  const { link, stop, clock } = makeScene(["a:1"], unreachable);
  const ended = link.run(stop.signal);
  await settle();
  stop.abort();
  assert.equal(await ended, undefined);
  assert.deepEqual(clock.pending, []);
});
