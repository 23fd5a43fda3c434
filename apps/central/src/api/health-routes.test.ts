import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { fastify } from "fastify";
import { Registry } from "prom-client";
import { mountHealth } from "./health-routes.ts";

const REMOTE = "203.0.113.7";

/** Asks for the metrics as a caller from some address, who may or may not see them. */
async function askFrom(remoteAddress: string, isViewer: boolean): Promise<number> {
  const app = fastify();
  app.setErrorHandler((error, _request, reply) =>
    reply.status((error as TautlineError).status).send(),
  );
  mountHealth(app, { registry: new Registry(), isReady: async () => true }, () => {
    if (!isViewer) throw new TautlineError("api.login_required");
  });
  const answer = await app.inject({ url: "/metrics", remoteAddress });
  await app.close();
  return answer.statusCode;
}

describe("/metrics", () => {
  const CASES = [
    ["127.0.0.1", false, 200],
    ["127.9.9.9", false, 200],
    ["::1", false, 200],
    ["::ffff:127.0.0.1", false, 200],
    [REMOTE, false, 401],
    [REMOTE, true, 200],
    [`::ffff:${REMOTE}`, false, 401],
    ["::2", false, 401],
    ["1127.0.0.1", false, 401],
  ] as const;
  for (const [address, isViewer, status] of CASES) {
    it(`answers ${status} to a caller from ${address} ${isViewer ? "with" : "without"} a viewer's token`, async () =>
      assert.equal(await askFrom(address, isViewer), status));
  }
});
