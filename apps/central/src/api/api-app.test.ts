import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { TautlineError } from "@tautline/protocol";
import type { FastifyInstance } from "fastify";
import { recordingLog } from "../control/fixture-messages.test.ts";
import { errorForPeer } from "../control/peer-error.ts";
import { createMetrics } from "../metrics.ts";
import { type ApiAppOptions, createApiApp } from "./api-app.ts";
import { mountHealth } from "./health-routes.ts";

interface Ground {
  readonly app: FastifyInstance;
  readonly lines: Record<string, unknown>[];
}

function makeApp(options: Partial<ApiAppOptions> = {}): Ground {
  const lines: Record<string, unknown>[] = [];
  const log = recordingLog(lines);
  const app = createApiApp({
    log,
    server: createServer(),
    ...options,
  });
  return { app, lines };
}

/** An app whose one route throws. */
function failing(thrown: unknown, options: Partial<ApiAppOptions> = {}): Ground {
  const ground = makeApp(options);
  ground.app.get("/x", () => Promise.reject(thrown));
  return ground;
}

const damaged = (): TautlineError =>
  new TautlineError("store.damaged", {
    cause: new Error("secret cause"),
    detail: { file: "/secret/central.db", reason: "page 5" },
  });

describe("createApiApp", () => {
  it("tells an operator what failed inside, and never its cause", async () => {
    for (const [thrown, code] of [
      [new Error("secret cause"), "internal.unexpected"],
      ["secret cause", "internal.unexpected"],
      [undefined, "internal.unexpected"],
      [damaged(), "store.damaged"],
    ] as const) {
      const { app, lines } = failing(thrown);
      const answer = await app.inject("/x");
      const problem = answer.json<Record<string, unknown>>();
      assert.equal(problem["code"], code);
      assert.equal(answer.statusCode, problem["status"]);
      assert.doesNotMatch(answer.body, /secret cause/);
      assert.equal(lines.at(-1)?.["level"], "error");
    }
  });

  it("tells a peer nothing of it, and logs all of it", async () => {
    const { app, lines } = failing(damaged(), { tell: errorForPeer });
    const answer = await app.inject("/x");
    assert.equal(answer.json<{ code: string }>().code, "central.unavailable");
    assert.equal(answer.headers["retry-after"], "30");
    assert.doesNotMatch(answer.body, /secret/);
    assert.match(JSON.stringify(lines), /secret cause/);
  });

  it("logs no error for what is a caller's doing", async () => {
    for (const code of ["link.broken", "central.stopping", "api.login_required"] as const) {
      const { app, lines } = failing(new TautlineError(code));
      await app.inject("/x");
      assert.deepEqual(lines, [], code);
    }
  });

  const headers: [
    code: "api.login_required" | "opamp.one_at_a_time" | "api.too_large",
    string,
    string,
  ][] = [
    ["api.login_required", "www-authenticate", 'Bearer realm="tautline"'],
    ["opamp.one_at_a_time", "retry-after", "1"],
    ["api.too_large", "connection", "close"],
  ];
  for (const [code, name, value] of headers) {
    it(`answers ${code} with the header that belongs to its status`, async () => {
      const { app } = failing(new TautlineError(code));
      const answer = await app.inject("/x");
      assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
      assert.equal(answer.headers[name], value);
    });
  }

  it("reads no body that it was not told to read", async () => {
    const { app } = makeApp();
    app.post("/x", () => "read");
    for (const type of ["application/json", "text/plain"]) {
      const answer = await app.inject({
        method: "POST",
        url: "/x",
        headers: { "content-type": type },
        payload: "{}",
      });
      assert.equal(answer.statusCode, 415, type);
    }
  });
});

function makeHealth(isReady: boolean): FastifyInstance {
  const { app } = makeApp();
  const { registry } = createMetrics();
  mountHealth(app, { registry, isReady: () => Promise.resolve(isReady) }, () => {
    throw new TautlineError("api.login_required");
  });
  return app;
}

describe("mountHealth", () => {
  it("is healthy while it answers, and ready when central is", async () => {
    for (const [isReady, status, text] of [
      [true, 200, "ready\n"],
      [false, 503, "not ready\n"],
    ] as const) {
      const app = makeHealth(isReady);
      assert.equal((await app.inject("/healthz")).body, "ok\n");
      const answer = await app.inject("/readyz");
      assert.deepEqual([answer.statusCode, answer.body], [status, text]);
    }
  });

  for (const [remoteAddress, status] of [
    ["127.0.0.1", 200],
    ["127.8.8.8", 200],
    ["::1", 200],
    ["::ffff:127.0.0.1", 200],
    ["192.0.2.1", 401],
    ["::ffff:192.0.2.1", 401],
    ["2001:db8::1", 401],
    ["127.evil.example", 401],
    ["1127.0.0.1", 401],
    ["::ffff:7f00:1", 401],
  ] as const) {
    it(`answers /metrics to ${remoteAddress} with ${status}`, async () => {
      const answer = await makeHealth(true).inject({ url: "/metrics", remoteAddress });
      assert.equal(answer.statusCode, status);
      assert.equal(/tautline_links/.test(answer.body), status === 200);
    });
  }

  it("believes no header about where a caller is", async () => {
    const answer = await makeHealth(true).inject({
      url: "/metrics",
      remoteAddress: "192.0.2.1",
      headers: { "x-forwarded-for": "127.0.0.1", "x-real-ip": "::1", forwarded: "for=127.0.0.1" },
    });
    assert.equal(answer.statusCode, 401);
  });
});
