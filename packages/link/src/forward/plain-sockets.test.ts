import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodeForwardEnd, type TautlineError } from "@tautline/protocol";
import { forwardFrame, hearOut } from "@tautline/testing";
import { openChannelAndPeer } from "../../test/channel-and-peer.ts";
import { watchLimits } from "./stream-limits.ts";

const OPEN = forwardFrame("open", '{"forward":"db"}');

/** A Unix socket whose listener knows nothing of half-open connections, as a careless caller makes it. */
async function openUnixPair(): Promise<AsyncDisposable & { near: Socket; far: Socket }> {
  const folder = mkdtempSync(join(tmpdir(), "tautline-forward-"));
  const server = createServer().listen(join(folder, "s"));
  await once(server, "listening");
  const far = connect({ path: join(folder, "s"), allowHalfOpen: true });
  const [near] = (await once(server, "connection")) as [Socket];
  return {
    near,
    far: far.on("error", () => {}),
    [Symbol.asyncDispose]: async () => {
      near.destroy();
      far.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

test("a Unix socket is carried with both of its ends, whatever its listener allows", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openUnixPair();
  const end = Promise.withResolvers<string>();
  link.channel.onOpen((opening) => {
    opening.accept({ at: "socket" });
    link.channel.carry(plain.near).then(({ verdict }) => end.resolve(verdict), end.reject);
  });
  plain.far.end("asked");
  link.stream.write(OPEN);
  for (const [frame, text] of [
    ["opened", '{"at":"socket"}'],
    ["data", "asked"],
  ]) {
    const heard = await link.peer.next();
    assert.deepEqual([heard.frame, Buffer.from(heard.payload).toString()], [frame, text]);
  }
  assert.deepEqual((await link.peer.next()).payload, Buffer.from(encodeForwardEnd(5)));
  const heard = hearOut(plain.far);
  link.peer.send("data", "answered late");
  link.peer.send("end", encodeForwardEnd(13));
  assert.equal((await heard).bytes.toString(), "answered late");
  assert.equal(await end.promise, "clean");
});

test("a Unix socket, which knows no reset, is closed in place of it", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using plain = await openUnixPair();
  const end = Promise.withResolvers<string>();
  link.channel.onOpen((opening) => {
    opening.accept();
    link.channel.carry(plain.near).then(({ verdict }) => end.resolve(verdict), end.reject);
  });
  link.stream.write(OPEN);
  await link.peer.next();
  const closed = once(plain.far.resume(), "end");
  link.peer.send("reset", '{"title":"no more"}');
  assert.equal(await end.promise, "forward.reset");
  await closed;
});

test("a limit beyond what a timer can wait is not taken for none or for now", async () => {
  const errors: TautlineError[] = [];
  const watch = watchLimits({ totalTimeoutMs: 2 ** 40, idleTimeoutMs: 2 ** 31 }, (error) =>
    errors.push(error),
  );
  watch.touch();
  await new Promise(setImmediate);
  watch.stop();
  assert.deepEqual(errors, []);
});

test("a signal's reason that is none of ours becomes forward.cancelled, and is told once", async () => {
  const stop = new AbortController();
  stop.abort(new Error("not ours"));
  const ended = Promise.withResolvers<TautlineError>();
  const watch = watchLimits({ signal: stop.signal }, ended.resolve);
  const error = await ended.promise;
  assert.equal(error.code, "forward.cancelled");
  watch.touch();
  watch.stop();
});
