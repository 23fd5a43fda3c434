import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { constants, type ServerHttp2Stream } from "node:http2";
import { test } from "node:test";
import {
  call,
  grpcMessage,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";

/** Node's servers end a connection after so many resets at once, as others do since CVE-2023-44487. */
const RESETS_OF_NODE = 1_000;
/** Fewer than end the caller's own connection. */
const CANCELS_EACH = 400;

/** How it ends is not the question. */
function closeOf(stream: EventEmitter): Promise<undefined> {
  return new Promise((resolve) => stream.once("close", () => resolve(undefined)));
}

test("F15, A29: callers that break off their calls wear out no connection on which the calls of others run", async () => {
  const arrived: ((stream: ServerHttp2Stream) => void)[] = [];
  await using backend = await startHttp2Backend((stream, headers) => {
    if (headers[":path"] === "/a.B/Hang") return arrived.shift()?.(stream);
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("data", (chunk: Buffer) => stream.write(chunk));
    stream.on("end", () => stream.end());
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const head = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };
  const good = scene.dial();
  const running = good.request({ ...head, ":path": "/a.B/Run" });
  running.write(grpcMessage("before"));
  await once(running, "data");
  let cancelled = 0;
  while (cancelled <= 2 * RESETS_OF_NODE) {
    const session = scene.dial();
    for (let each = 0; each < CANCELS_EACH; each += 1) {
      const came = new Promise<ServerHttp2Stream>((resolve) => arrived.push(resolve));
      const stream = session.request({ ...head, ":path": "/a.B/Hang" });
      stream.on("error", () => {});
      const there = await Promise.race([came, closeOf(stream)]);
      if (there === undefined) break;
      const gone = closeOf(there.resume());
      stream.close(constants.NGHTTP2_CANCEL);
      await gone;
      cancelled += 1;
    }
    session.destroy();
    assert.equal(running.closed, false, "the stream of somebody else was ended");
    assert.equal((await call(scene.dial())).trailers["grpc-status"], "0");
  }
  running.write(grpcMessage("after"));
  await once(running, "data");
  const trailers = once(running, "trailers");
  running.end();
  const [end] = (await trailers) as [Record<string, string>];
  assert.equal(end["grpc-status"], "0");
  assert.ok(backend.sessions.length > 2);
  await upstreams.stop(0);
});
