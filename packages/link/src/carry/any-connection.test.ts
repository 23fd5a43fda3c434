import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import {
  answerGrpc,
  call,
  grpcMessage,
  placeAt,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";
import { createCarrier } from "./create-carrier.ts";

function now(): number {
  return performance.now();
}

function clientOver(stream: Duplex): ReturnType<typeof connectHttp2> {
  const session = connectHttp2("http://carried.test", { createConnection: () => stream });
  session.on("error", () => {});
  return session;
}

test("a connection that is no socket is carried as well, at both sides: what a link of any level is", async () => {
  await using backend = await startHttp2Backend((stream) => answerGrpc(stream));
  const [near, far] = duplexPair();
  const onward = connect(backend.port, "127.0.0.1");
  far.pipe(onward).pipe(far);
  const place = { ...placeAt(backend.port), connect: () => Promise.resolve(near) };
  const upstreams = upstreamsTo([], { places: [place] });
  const carrier = createCarrier<undefined>({ judge: () => ({ to: upstreams }), now });
  const [caller, served] = duplexPair();
  const connection = carrier.serve(served, undefined);
  const session = clientOver(caller);
  const large = await call(session, {}, grpcMessage(Buffer.alloc(3_000_000, 7)));
  assert.equal(large.trailers["grpc-status"], "0");
  assert.equal(connection.protocol, "h2");
  assert.deepEqual(connection.counts, { calls: 1, open: 0 });
  await Promise.all([carrier.stop(1_000), upstreams.stop(1_000)]);
  assert.equal(await connection.closed, undefined);
  onward.destroy();
});

test("a socket that may be half open is gone when its other end says so: no connection stays behind at either side", async () => {
  const waiting = Promise.withResolvers<void>();
  await using backend = await startHttp2Backend((_stream) => waiting.resolve());
  const onward: Socket[] = [];
  const place = {
    ...placeAt(backend.port),
    connect: async () => {
      const socket = connect({ port: backend.port, host: "127.0.0.1", allowHalfOpen: true });
      onward.push(socket);
      await once(socket, "connect");
      return socket;
    },
  };
  const upstreams = upstreamsTo([], { places: [place] });
  const failures: unknown[] = [];
  const carrier = createCarrier<undefined>({
    judge: () => ({ to: upstreams }),
    onCall: ({ failure }) => void failures.push(failure?.code),
    now,
  });
  const served: ReturnType<typeof carrier.serve>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(carrier.serve(socket, undefined));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // The caller ends its half in the middle of a call, and its connection goes.
  const caller = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const session = clientOver(caller);
  const calling = call(session);
  await waiting.promise;
  caller.end();
  await served[0]?.closed;
  await calling;
  assert.equal(failures[0], "carry.caller_lost");
  // The backend ends its half in the middle of a call, and the call ends.
  const other = clientOver(connect({ port, host: "127.0.0.1" }));
  const second = call(other);
  while (upstreams.states()[0]?.calls !== 1) await new Promise(setImmediate);
  for (const socket of backend.sockets) socket.end();
  assert.equal((await second).headers["grpc-status"], "14");
  assert.equal(failures[1], "carry.upstream_lost");
  other.destroy();
  server.close();
  await Promise.all([carrier.stop(1_000), upstreams.stop(1_000)]);
  assert.ok(onward.every((socket) => socket.destroyed));
});
