import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { encodeForwardEnd, encodeForwardReason, TautlineError } from "@tautline/protocol";
import { forwardFrame, openSocketPair } from "@tautline/testing";
import { openChannelAndPeer } from "../../test/channel-and-peer.ts";
import { resetPlain } from "./reset-plain.ts";

const STATES: readonly (readonly [string, (socket: Socket) => void])[] = [
  ["nothing was said", () => {}],
  ["its end was said in the same turn", (socket) => void socket.end()],
  ["its last bytes and its end were said in the same turn", (socket) => void socket.end("bye")],
];

for (const [name, prepare] of STATES) {
  test(`a connection is reset, and its descriptor given back, where ${name}`, async () => {
    await using pair = await openSocketPair();
    // What nobody reads must not hold it open.
    pair.dialled.write("unread");
    pair.accepted.pause();
    const seen = Promise.withResolvers<string | undefined>();
    pair.dialled.once("error", ({ code }: NodeJS.ErrnoException) => seen.resolve(code));
    const closed = once(pair.accepted, "close");
    prepare(pair.accepted);
    resetPlain(pair.accepted);
    await closed;
    // After an end, only who still writes hears of a reset.
    pair.dialled.resume().write("more");
    assert.match(String(await seen.promise), /^(?:ECONNRESET|EPIPE)$/);
  });
}

test("a stream that is reset right after its end leaves no connection behind", async () => {
  await using link = await openChannelAndPeer("accepter");
  await using pair = await openSocketPair();
  link.channel.onOpen((opening) => {
    opening.accept({});
    void link.channel.carry(pair.accepted);
  });
  link.stream.write(forwardFrame("open", '{"forward":"db"}'));
  assert.equal((await link.peer.next()).frame, "opened");
  const closed = once(pair.accepted, "close");
  const gone = new TautlineError("forward.plain_reset", { detail: { reason: "ECONNRESET" } });
  link.stream.write(
    Buffer.concat([
      forwardFrame("end", encodeForwardEnd(0)),
      forwardFrame("reset", encodeForwardReason(gone)),
    ]),
  );
  await closed;
});
