import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import {
  call,
  grpcMessage,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";

const REVOKED = new TautlineError("admission.certificate_revoked");

test("A28, SWP-5: a call that runs when its caller's right ends is told why, and the connection is over", async () => {
  await using backend = await startHttp2Backend((stream) => {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.write(grpcMessage("running"));
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const running = session.request({
    ":method": "POST",
    ":path": "/a.B/C",
    "content-type": "application/grpc",
    te: "trailers",
  });
  running.on("error", () => {});
  await once(running, "data");
  const trailers = once(running, "trailers");
  scene.connections[0]?.end(REVOKED);
  const [told] = (await trailers) as [Record<string, string>];
  assert.equal(told["grpc-status"], "7");
  assert.match(decodeURIComponent(told["grpc-message"] ?? ""), /certificate_revoked/);
  assert.equal((await scene.connections[0]?.closed)?.code, "admission.certificate_revoked");
  await upstreams.stop(0);
});

test("a connection without a call is told by GOAWAY, with the reason in it", async () => {
  await using backend = await startHttp2Backend((stream) => {
    stream.respond({ ":status": 200, "grpc-status": "0" }, { endStream: true });
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  await call(session);
  const goaway = once(session, "goaway");
  scene.connections[0]?.end(REVOKED);
  const [code, , words] = (await goaway) as [number, number, Buffer];
  // INADEQUATE_SECURITY (RFC 9113 section 7).
  assert.equal(code, 0x0c);
  assert.match(words.toString(), /certificate_revoked/);
  await upstreams.stop(0);
});

test("F13, A29: whoever neither reads nor hangs up is cut: its connection ends, and with it the carrier", async () => {
  const upstreams = upstreamsTo([]);
  const scene = await startCarryScene(upstreams);
  const silent = connect({ port: scene.port, host: "127.0.0.1", allowHalfOpen: true });
  silent.on("error", () => {});
  // The preface and empty SETTINGS (RFC 9113 sections 3.4 and 6.5).
  silent.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0");
  await once(silent, "readable");
  await scene.carrier.stop(0);
  assert.equal((await scene.connections[0]?.closed)?.code, "carry.stopping");
  silent.destroy();
  await scene[Symbol.asyncDispose]();
});

test("F15: of a call that was answered, little more is read of what its caller sends on", async () => {
  await using scene = await startCarryScene(() => ({ refusal: REVOKED }));
  const session = scene.dial();
  const stream = session.request({
    ":method": "POST",
    ":path": "/a.B/C",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const more = (): void => {
    if (stream.closed || stream.destroyed) return;
    written += chunk.length;
    stream.write(chunk, more);
  };
  const closed = once(stream, "close");
  stream.resume();
  more();
  const [headers] = (await once(stream, "response")) as [Record<string, string>];
  assert.equal(headers["grpc-status"], "7");
  await closed;
  assert.ok(written < 16 * 1024 * 1024, String(written));
});
