import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf, programAt, startBackend, untilHolds, withEdge } from "../../test/edge-scene.ts";

const COLLECT = "/skywalking.v3.TraceSegmentReportService/collect";
const ASK = "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations";
const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const texts = (bodies: readonly { readonly body: Buffer }[]): string[] =>
  bodies.map(({ body }) => body.subarray(5).toString());

/** A port at which nobody listens, until a backend is started there. */
async function freePort(): Promise<number> {
  await using probe = await startBackend();
  return probe.port;
}

test("a call is carried with its message, metadata, answer and trailers, whether it may be kept or not", async () => {
  await using backend = await startBackend();
  await withEdge(backend.port, {}, async ({ port, edge }) => {
    await using program = programAt(port);
    for (const path of [COLLECT, ASK]) {
      const { status, body, grpc, headers } = await program.call(path, messageOf("one"), {
        authentication: "a token",
      });
      assert.deepEqual([status, grpc, headers["x-end"]], [200, "0", "told"]);
      assert.deepEqual([...body], [0, 0, 0, 0, 2, 8, 1]);
    }
    assert.deepEqual(texts(backend.received), ["one", "one"]);
    for (const { headers } of backend.received) {
      assert.equal(headers["authentication"], "a token");
      assert.equal(headers["user-agent"], "test-program/1");
      assert.equal(headers["te"], "trailers");
    }
    const { calls, failed, kept, sentBytes, onward, connections } = edge.status;
    assert.deepEqual([calls, failed, kept, sentBytes, connections], [2, 0, 0, 16, 1]);
    assert.deepEqual(onward, [{ name: "the backend", state: "ready", error: null, code: null }]);
  });
});

test("carried unchanged: a program's own user-agent arrives as it is, also of a call that was kept, and nothing that only central may say of callers", async () => {
  const at = await freePort();
  await withEdge(at, {}, async ({ port, edge }) => {
    await using program = programAt(port);
    const agent = "grpc-java-netty/1.70.0 (spring)";
    const said = {
      "user-agent": agent,
      "tautline-identity": "spiffe://fleet.example.org/central",
      "tautline-level": "mtls",
      "x-own": "kept as it is",
    };
    assert.equal((await program.call(COLLECT, messageOf("kept"), said)).grpc, "0");
    await using backend = await startBackend(at);
    await untilHolds(() => edge.status.store.calls === 0);
    for (const path of [COLLECT, ASK]) await program.call(path, messageOf("carried"), said);
    assert.deepEqual(texts(backend.received), ["kept", "carried", "carried"]);
    for (const { headers } of backend.received) {
      assert.equal(headers["user-agent"], agent);
      assert.equal(headers["x-own"], "kept as it is");
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith("tautline-")),
        [],
      );
    }
  });
});

test("SWP-9: while nobody is there calls are kept and answered, and sent in their order once somebody is", async () => {
  const at = await freePort();
  await withEdge(at, {}, async ({ port, edge }) => {
    await using program = programAt(port);
    for (const text of ["a", "b", "c"]) {
      const { grpc, body } = await program.call(COLLECT, messageOf(text));
      assert.deepEqual([grpc, [...body]], ["0", [0, 0, 0, 0, 0]]);
    }
    assert.equal(edge.status.store.calls, 3);
    assert.equal(edge.status.onward[0]?.state, "out");
    assert.match(edge.status.onward[0]?.error ?? "", /nothing listens there/);
    await using backend = await startBackend(at);
    await untilHolds(() => edge.status.store.calls === 0);
    assert.deepEqual(texts(backend.received), ["a", "b", "c"]);
    assert.deepEqual(backend.received[0]?.headers["content-type"], "application/grpc");
    const { kept, delivered, store } = edge.status;
    assert.deepEqual([kept, delivered, store.losses], [3, 3, []]);
  });
});

test("promise 3: what was answered is sent by the next run, and nothing twice after a stop in order", async () => {
  const at = await freePort();
  await withEdge(at, {}, async ({ port, edge, again }) => {
    await using program = programAt(port);
    for (const text of ["a", "b"]) await program.call(COLLECT, messageOf(text));
    await edge.stop();
    const next = await again();
    assert.equal(next.edge.status.store.calls, 2);
    await using backend = await startBackend(at);
    await untilHolds(() => next.edge.status.store.calls === 0);
    assert.deepEqual(texts(backend.received), ["a", "b"]);
  });
});

test("SWP-9: a call that asks for something is not kept: UNAVAILABLE, and for HTTP 503 with Retry-After", async () => {
  await withEdge(await freePort(), {}, async ({ port, edge }) => {
    await using program = programAt(port);
    const { grpc, message } = await program.call(ASK, messageOf("?"));
    assert.equal(grpc, "14");
    assert.match(message, /the backend.*carry\.no_upstream/s);
    const answer = await fetch(`http://127.0.0.1:${port}/v3/asking`, {
      method: "POST",
      body: "{}",
    });
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get("retry-after") ?? "", /^[0-9]+$/);
    assert.match(await answer.text(), /carry\.no_upstream/);
    assert.deepEqual([edge.status.store.calls, edge.status.failed], [0, 2]);
  });
});

for (const [status, name] of [
  [7, "PERMISSION_DENIED"],
  [12, "UNIMPLEMENTED"],
  [16, "UNAUTHENTICATED"],
  [8, "RESOURCE_EXHAUSTED"],
] as const) {
  test(`SWP-9: ${name} of the backend reaches the program, and the call is not kept`, async () => {
    await using backend = await startBackend();
    backend.answering = () => ({ grpc: status });
    await withEdge(backend.port, {}, async ({ port, edge }) => {
      await using program = programAt(port);
      const { grpc } = await program.call(COLLECT, messageOf("a"));
      assert.equal(grpc, String(status));
      assert.equal(edge.status.store.calls, 0);
    });
  });
}

test("UNAVAILABLE of the backend is kept, and sent again until it is taken", async () => {
  await using backend = await startBackend();
  let refusals = 2;
  backend.answering = () => ({ grpc: refusals-- > 0 ? 14 : 0 });
  await withEdge(backend.port, {}, async ({ port, edge }) => {
    await using program = programAt(port);
    assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
    await untilHolds(() => edge.status.delivered === 1);
    assert.deepEqual(texts(backend.received), ["a", "a", "a"]);
  });
});

test("a backend that does not answer is waited for with patience, and for half of the program's own deadline", async () => {
  await using backend = await startBackend();
  backend.answering = ({ headers }) => (headers["authentication"] ? undefined : { grpc: 0 });
  await withEdge(backend.port, { store: { patience: "1m" } }, async ({ port, edge }) => {
    await using program = programAt(port);
    const headers = { "grpc-timeout": "400m", authentication: "silence" };
    assert.equal((await program.call(COLLECT, messageOf("a"), headers)).grpc, "0");
    assert.equal(edge.status.kept, 1);
    assert.equal(backend.received[0]?.headers["grpc-timeout"], undefined);
  });
});

test("a kept call that is refused when it is sent again is counted by its client, told, and hinders no other", async () => {
  const at = await freePort();
  await withEdge(at, {}, async ({ port, edge, problems }) => {
    await using program = programAt(port);
    await program.call(COLLECT, messageOf("bad"), { "user-agent": "bad/1" });
    await program.call(COLLECT, messageOf("good"));
    await using backend = await startBackend(at);
    backend.answering = ({ body }) => ({ grpc: body.includes("bad") ? 3 : 0 });
    await untilHolds(() => edge.status.store.calls === 0);
    assert.deepEqual(edge.status.store.losses, [{ client: "bad/1", reason: "refused", calls: 1 }]);
    assert.equal(edge.status.delivered, 1);
    const told = problems.filter(({ code }) => code === "agent.edge_kept_refused");
    assert.deepEqual(
      told.map(({ detail }) => detail["reason"]),
      ["gRPC status 3"],
    );
  });
});

test("SWP-9: a call for which there is no room is refused with the reason, and counted by its client", async () => {
  await withEdge(await freePort(), { store: { maxBytes: 100 } }, async ({ port, edge }) => {
    await using program = programAt(port);
    const { grpc, message } = await program.call(COLLECT, messageOf("a".repeat(200)));
    assert.equal(grpc, "14");
    assert.match(message, /store is full.*agent\.edge_store_full/s);
    const losses = [{ client: "test-program/1", reason: "full", calls: 1 }];
    assert.deepEqual(edge.status.store.losses, losses);
  });
});

test("calls that would take more memory than they may are refused, counted, and hold nothing of it", async () => {
  await using backend = await startBackend();
  const settings = { maxInFlight: 1024 * 1024, store: { maxCall: 2 * 1024 * 1024 } };
  await withEdge(backend.port, settings, async ({ port, edge }) => {
    await using program = programAt(port);
    const exact = messageOf("x".repeat(1024 * 1024 - 5));
    const more = messageOf("x".repeat(1024 * 1024 - 4));
    for (const [body, status] of [
      [exact, "0"],
      [more, "14"],
      [exact, "0"],
    ] as const) {
      assert.equal((await program.call(EXPORT, body)).grpc, status);
    }
    const losses = [{ client: "test-program/1", reason: "busy", calls: 1 }];
    assert.deepEqual(edge.status.store.losses, losses);
  });
});

test("an edge that is to keep nothing keeps nothing", async () => {
  await withEdge(await freePort(), { store: { maxBytes: 0 } }, async ({ port, edge }) => {
    await using program = programAt(port);
    assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "14");
    assert.deepEqual(edge.status.store, { calls: 0, bytes: 0, losses: [], aside: 0 });
  });
});

test("a call that is longer than may be kept is carried whole, and by one byte it is", async () => {
  await using backend = await startBackend();
  await withEdge(backend.port, { store: { maxCall: 1024 } }, async ({ port, edge }) => {
    await using program = programAt(port);
    for (const bytes of [1024, 1025, 3_000_000]) {
      const { grpc } = await program.call(EXPORT, messageOf("x".repeat(bytes - 5)));
      assert.equal(grpc, "0");
    }
    assert.deepEqual(
      backend.received.map(({ body }) => body.length),
      [1024, 1025, 3_000_000],
    );
    assert.equal(edge.status.kept, 0);
  });
  await withEdge(await freePort(), { store: { maxCall: 1024 } }, async ({ port, edge }) => {
    await using program = programAt(port);
    assert.equal((await program.call(EXPORT, messageOf("x".repeat(1019)))).grpc, "0");
    assert.equal((await program.call(EXPORT, messageOf("x".repeat(1020)))).grpc, "14");
    assert.equal(edge.status.store.calls, 1);
  });
});

test("OTLP over HTTP/1.1 is carried, and kept with the answer of its own kind", async () => {
  const at = await freePort();
  await withEdge(at, {}, async ({ port, edge }) => {
    const post = (type: string, body: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/v1/traces`, {
        method: "POST",
        headers: { "content-type": type, "user-agent": "exporter/1" },
        body,
      });
    const kept = await post("application/x-protobuf", "\n\u0000");
    assert.deepEqual([kept.status, await kept.text()], [200, ""]);
    assert.equal(kept.headers.get("content-type"), "application/x-protobuf");
    const asJson = await post("application/json", "{}");
    assert.deepEqual([asJson.status, await asJson.text()], [200, "{}"]);
    await using backend = await startBackend(at);
    backend.answering = () => ({ http: 200 });
    await untilHolds(() => edge.status.store.calls === 0);
    assert.deepEqual(
      backend.received.map(({ path, body }) => [path, body.toString()]),
      [
        ["/v1/traces", "\n\u0000"],
        ["/v1/traces", "{}"],
      ],
    );
    assert.equal((await post("application/json", "{}")).status, 200);
    assert.equal(edge.status.kept, 2);
  });
});

test("calls of web pages are refused, and those for another host's name (DNS rebinding)", async () => {
  await using backend = await startBackend();
  await withEdge(backend.port, {}, async ({ port }) => {
    await using program = programAt(port);
    const { grpc, message } = await program.call(COLLECT, messageOf("a"), {
      origin: "https://evil.example",
    });
    assert.equal(grpc, "7");
    assert.match(message, /Origin.*agent\.edge_caller_refused/s);
    const named = await program.call(COLLECT, messageOf("a"), { ":authority": "evil.example" });
    assert.equal(named.grpc, "7");
    const page = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
      method: "POST",
      headers: { origin: "https://evil.example", "content-type": "application/json" },
      body: "{}",
    });
    assert.equal(page.status, 403);
    assert.deepEqual(backend.received, []);
  });
});

test("one connection more than the limit is closed, and the others go on", async () => {
  await using backend = await startBackend();
  await withEdge(backend.port, { maxConnections: 1 }, async ({ port, edge }) => {
    await using program = programAt(port);
    await program.call(COLLECT, messageOf("a"));
    await using second = programAt(port);
    await assert.rejects(second.call(COLLECT, messageOf("b")));
    assert.equal((await program.call(COLLECT, messageOf("c"))).grpc, "0");
    assert.equal(edge.status.connections, 1);
  });
});

test("a renewed identity dials anew, and calls under way go on over the old link", async () => {
  await using backend = await startBackend();
  await withEdge(backend.port, {}, async ({ port, edge }) => {
    await using program = programAt(port);
    assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
    edge.renew();
    assert.equal((await program.call(COLLECT, messageOf("b"))).grpc, "0");
    assert.deepEqual(texts(backend.received), ["a", "b"]);
  });
});
