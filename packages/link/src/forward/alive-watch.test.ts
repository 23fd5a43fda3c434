import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { encodeForwardReason, TautlineError } from "@tautline/protocol";
import { forwardFrame, openSocketPair } from "@tautline/testing";
import { openChannelAndPeer } from "../../test/channel-and-peer.ts";
import { ALIVE_EVERY_MS, MOST_SILENT_SPANS } from "./alive-watch.ts";

const REQUEST = { forward: "db" };
const OPEN = forwardFrame("open", JSON.stringify(REQUEST));
const ALIVE = forwardFrame("alive", Uint8Array.of(0));
const ENOUGH = MOST_SILENT_SPANS * ALIVE_EVERY_MS;

/** Time passes when the test says so. */
function holdTime(t: TestContext): (ms: number) => void {
  t.mock.timers.enable({ apis: ["setInterval"] });
  return (ms) => t.mock.timers.tick(ms);
}

test("F4: a peer that vanished without a word is found after four spans, and the program is reset with the reason", async (t) => {
  const pass = holdTime(t);
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openSocketPair();
  link.channel.onOpen((opening) => opening.accept());
  link.stream.write(OPEN);
  assert.equal((await link.peer.next()).frame, "opened");
  const end = link.channel.carry(plain.dialled);
  const reset = once(plain.accepted, "error");
  pass(ENOUGH - 1);
  assert.equal(link.channel.state, "open");
  pass(1);
  const { verdict, error } = await end;
  assert.deepEqual([verdict, error?.detail["silentMs"]], ["forward.silent", 15_000]);
  assert.equal(Reflect.get((await reset)[0] as Error, "code"), "ECONNRESET");
  // It may be heard all the same: the network may swallow one direction only.
  const told = await link.peer.next();
  assert.deepEqual([told.frame, told.code], ["reset", "forward.silent"]);
});

test("F4: a link that carries nothing is closed too where its other end vanished", async (t) => {
  const pass = holdTime(t);
  await using link = await openChannelAndPeer("opener");
  pass(ENOUGH);
  assert.equal((await link.peer.next()).frame, "close");
  link.stream.end();
  assert.equal((await link.channel.closed)?.code, "forward.silent");
});

test("F4: a stream that waits for its answer is told that nobody is there to give one", async (t) => {
  const pass = holdTime(t);
  await using link = await openChannelAndPeer("opener");
  const refused = assert.rejects(link.channel.open(REQUEST), { code: "forward.silent" });
  pass(ENOUGH);
  await refused;
});

test("a peer that says it is there is not taken for gone, whatever the state of the link, and is told the same", async (t) => {
  const pass = holdTime(t);
  await using link = await openChannelAndPeer("accepter");
  for (let spans = 0; spans < 3 * MOST_SILENT_SPANS; spans += 1) {
    link.stream.write(ALIVE);
    if (spans === MOST_SILENT_SPANS) link.stream.write(OPEN);
    await heard(link.stream.bytesWritten, link.secured);
    pass(ALIVE_EVERY_MS);
  }
  assert.equal(link.channel.state, "opening");
  link.channel.onOpen((opening) => opening.refuse(new TautlineError("forward.cancelled")));
  assert.equal((await link.peer.next()).code, "forward.cancelled");
  assert.equal(link.peer.alive, 3 * MOST_SILENT_SPANS);
});

test("an end whose own program does not read judges nobody, and says that it is there", async (t) => {
  const pass = holdTime(t);
  await using link = await openChannelAndPeer("accepter");
  link.channel.onOpen((opening) => opening.accept());
  link.stream.write(OPEN);
  assert.equal((await link.peer.next()).frame, "opened");
  // Nobody carries yet, so what came waits, and nothing more is read.
  link.stream.write(forwardFrame("data", "x"));
  while (!link.secured.isPaused()) await new Promise(setImmediate);
  for (let spans = 0; spans < 3 * MOST_SILENT_SPANS; spans += 1) pass(ALIVE_EVERY_MS);
  assert.equal(link.channel.state, "open");
  link.channel.destroy(new TautlineError("forward.cancelled"));
  assert.equal((await link.peer.next()).code, "forward.cancelled");
  assert.equal(link.peer.alive, 3 * MOST_SILENT_SPANS);
});

test("an end that was stopped itself for a while hears what has come before it judges", async (t) => {
  const pass = holdTime(t);
  await using link = await openChannelAndPeer("opener");
  // Of many spans that passed meanwhile the system tells one.
  pass(ALIVE_EVERY_MS);
  assert.equal(link.channel.state, "idle");
  link.stream.write(
    forwardFrame("close", encodeForwardReason(new TautlineError("forward.cancelled"))),
  );
  assert.equal((await link.channel.closed)?.code, "forward.closed");
});

/** Waits until all that was written has been read. */
async function heard(bytes: number, secured: { readonly bytesRead: number }): Promise<void> {
  while (secured.bytesRead < bytes) await new Promise(setImmediate);
}
