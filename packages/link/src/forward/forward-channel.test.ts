import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { encodeForwardEnd, isTautlineError, TautlineError } from "@tautline/protocol";
import { forwardFrame, hearOut, openSocketPair } from "@tautline/testing";
import { openChannelAndPeer } from "../../test/channel-and-peer.ts";
import type { ForwardOpening } from "./forward-channel.ts";
import { peerReasonCode } from "./peer-reason.ts";

const REQUEST = { forward: "db" };
const OPEN = forwardFrame("open", JSON.stringify(REQUEST));
const CANCELLED = new TautlineError("forward.cancelled");

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => isTautlineError(error) && error.code === code;
}

/** [what the peer does to an idle accepter, the bytes]. */
const BREACHES: [string, Buffer][] = [
  ["sends data without a stream", forwardFrame("data", "abc")],
  ["sends an end without a stream", forwardFrame("end", encodeForwardEnd(0))],
  ["answers what was not asked", forwardFrame("opened", "{}")],
  ["opens twice", Buffer.concat([OPEN, OPEN])],
  ["sends data before it was answered", Buffer.concat([OPEN, forwardFrame("data", "abc")])],
  ["opens without a name", forwardFrame("open", "{}")],
  ["sends a frame of an unknown type", Buffer.from([9, 0, 0, 1, 0])],
  ["sends a frame that is too long", Buffer.from([1, 0, 16, 1])],
  ["gives a reason that is none", forwardFrame("reset", "{}")],
];

for (const [what, bytes] of BREACHES) {
  test(`a peer that ${what} is told so by a reset, and the link is closed`, async () => {
    await using link = await openChannelAndPeer("accepter");
    link.channel.onOpen(() => {});
    link.stream.write(bytes);
    const { frame, code } = await link.peer.next();
    assert.deepEqual([frame, code], ["reset", "forward.malformed"]);
    assert.equal((await link.peer.next()).frame, "gone");
    link.stream.end();
    assert.equal((await link.channel.closed)?.code, "forward.malformed");
    assert.equal(link.channel.state, "ended");
  });
}

test("what came behind the upgrade is read first, and a request waits for who answers it", async () => {
  await using link = await openChannelAndPeer("accepter", OPEN.subarray(0, 5));
  link.stream.write(OPEN.subarray(5));
  while (link.channel.state !== "opening") await new Promise(setImmediate);
  link.channel.onOpen((opening) => {
    assert.deepEqual(opening.request, REQUEST);
    opening.refuse(CANCELLED);
  });
  assert.deepEqual((await link.peer.next()).code, "forward.cancelled");
  assert.equal(link.channel.state, "idle");
});

test("data and an end that come in one chunk with the answer are kept for whoever carries", async () => {
  await using link = await openChannelAndPeer("opener");
  await using plain = await openSocketPair();
  const opening = link.channel.open(REQUEST);
  assert.equal((await link.peer.next()).frame, "open");
  link.stream.write(
    Buffer.concat([
      forwardFrame("opened", '{"a":1}'),
      forwardFrame("data", "ban"),
      forwardFrame("data", "ner"),
      forwardFrame("end", encodeForwardEnd(6)),
    ]),
  );
  assert.deepEqual(await opening, { a: 1 });
  const end = link.channel.carry(plain.dialled);
  const { bytes, how } = await hearOut(plain.accepted);
  assert.deepEqual([bytes.toString(), how], ["banner", "end"]);
  plain.accepted.end();
  assert.equal((await end).verdict, "clean");
  assert.equal(link.channel.state, "idle");
});

test("a link that closes while a stream is asked for has not opened it", async () => {
  await using link = await openChannelAndPeer("opener");
  const opening = link.channel.open(REQUEST);
  const refused = assert.rejects(opening, (error) => {
    assert.ok(isTautlineError(error) && error.code === "forward.closed");
    return peerReasonCode(error) === undefined && error.message.includes("no code");
  });
  link.peer.send("close", '{"title":"going away","code":"from.the_future"}');
  await refused;
  await assert.rejects(link.channel.open(REQUEST), hasCode("forward.closed"));
});

test("a link that is cut while a stream is asked for is forward.cut", async () => {
  await using link = await openChannelAndPeer("opener");
  const refused = assert.rejects(link.channel.open(REQUEST), hasCode("forward.cut"));
  link.stream.end();
  await refused;
});

test("a request that is not answered in time, or is called off, ends the link at both ends", async () => {
  const stop = new AbortController();
  stop.abort(CANCELLED);
  for (const [limits, code] of [
    [{ timeoutMs: 5 }, "forward.open_timeout"],
    [{ signal: stop.signal }, "forward.cancelled"],
  ] as const) {
    await using link = await openChannelAndPeer("opener");
    await assert.rejects(link.channel.open(REQUEST, limits), hasCode(code));
    assert.equal((await link.peer.next()).frame, "open");
    assert.deepEqual((await link.peer.next()).code, code);
    assert.equal(link.channel.state, "ended");
  }
});

test("an opener that goes away withdraws its request, and a late answer does nothing", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openSocketPair();
  const asked = Promise.withResolvers<ForwardOpening>();
  link.channel.onOpen(asked.resolve);
  link.stream.write(OPEN);
  const opening = await asked.promise;
  const withdrawn = once(opening.signal, "abort");
  link.peer.send("reset", '{"title":"no more"}');
  await withdrawn;
  opening.accept();
  opening.refuse(CANCELLED);
  const heard = hearOut(plain.accepted);
  assert.equal((await link.channel.carry(plain.dialled)).verdict, "forward.reset");
  assert.equal((await heard).how, "ECONNRESET");
  assert.equal((await link.peer.next()).frame, "gone");
});

test("a request that crosses a close is not answered", async () => {
  await using link = await openChannelAndPeer("accepter");
  link.channel.onOpen(() => assert.fail("it is void"));
  link.channel.announceClose(CANCELLED);
  link.stream.write(OPEN);
  assert.deepEqual((await link.peer.next()).code, "forward.cancelled");
  assert.equal((await link.peer.next()).frame, "gone");
  link.stream.end();
  assert.equal((await link.channel.closed)?.code, "forward.cancelled");
});

test("a stream that ended before anyone carried it resets whoever would", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openSocketPair();
  const accepted = Promise.withResolvers<void>();
  link.channel.onOpen((opening) => {
    opening.accept();
    accepted.resolve();
  });
  link.stream.write(OPEN);
  await accepted.promise;
  link.channel.destroy(CANCELLED);
  const heard = hearOut(plain.accepted);
  const { verdict, error } = await link.channel.carry(plain.dialled);
  assert.deepEqual([verdict, error], ["forward.cancelled", CANCELLED]);
  assert.equal((await heard).how, "ECONNRESET");
});

test("a program that was gone before its stream was open ends it at both ends", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openSocketPair();
  plain.dialled.destroy();
  const end = Promise.withResolvers<string>();
  link.channel.onOpen((opening) => {
    opening.accept();
    link.channel.carry(plain.dialled).then(({ verdict }) => end.resolve(verdict), end.reject);
  });
  link.stream.write(OPEN);
  assert.equal(await end.promise, "forward.plain_reset");
  assert.equal((await link.peer.next()).frame, "opened");
  assert.equal((await link.peer.next()).code, "forward.plain_reset");
});

test("nothing is carried where no stream is open, and an accepter opens none", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openSocketPair();
  assert.equal((await link.channel.carry(plain.dialled)).verdict, "internal.unexpected");
  await assert.rejects(link.channel.open(REQUEST), hasCode("internal.unexpected"));
  assert.equal(link.channel.state, "idle");
});

test("a handler that throws ends the link, and not the process", async () => {
  await using link = await openChannelAndPeer("accepter");
  link.channel.onOpen(() => {
    throw new Error("secret");
  });
  link.stream.write(OPEN);
  const { payload, code } = await link.peer.next();
  assert.equal(code, "internal.unexpected");
  assert.doesNotMatch(Buffer.from(payload).toString(), /secret/);
});

test("a frame that is cut off at rest is a cut", async () => {
  await using link = await openChannelAndPeer("accepter");
  link.stream.end(OPEN.subarray(0, 3));
  assert.equal((await link.channel.closed)?.code, "forward.cut");
});

test("a stream that fails when its link is free again leaves the link alone", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openSocketPair();
  const ended = Promise.withResolvers<string>();
  // More than the system takes for a reader that does not read: what follows waits behind it.
  plain.dialled.write(Buffer.alloc(32 * 1024 * 1024));
  plain.accepted.on("error", () => {}).end();
  link.channel.onOpen((opening) => {
    opening.accept();
    const carried = link.channel.carry(plain.dialled, { idleTimeoutMs: 20 });
    carried.then(({ verdict }) => ended.resolve(verdict), ended.reject);
  });
  const end = forwardFrame("end", encodeForwardEnd(3));
  link.stream.write(OPEN);
  assert.equal((await link.peer.next()).frame, "opened");
  link.stream.write(Buffer.concat([forwardFrame("data", "abc"), end]));
  assert.equal((await link.peer.next()).frame, "end");
  assert.equal(await ended.promise, "forward.idle");
  assert.equal(link.channel.state, "idle");
  link.channel.onOpen((opening) => opening.refuse(CANCELLED));
  link.stream.write(OPEN);
  assert.equal((await link.peer.next()).code, "forward.cancelled");
});
