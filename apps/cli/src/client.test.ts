import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, TautlineError, toProblem, type ErrorCode } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { createSocketClient } from "./client.ts";
import { describeFailure } from "./failure.ts";
import { withFakeCentral } from "./test-world.ts";

const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code);
    return true;
  };

async function withServer(
  folder: string,
  listener: RequestListener,
  use: () => Promise<void>,
): Promise<void> {
  const server = createServer(listener).listen(join(folder, "admin.sock"));
  await once(server, "listening");
  try {
    await use();
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

test("each verb asks its route once, parts of the path escaped, and reads the answer", () =>
  withTempFolder((folder) =>
    withFakeCentral(
      folder,
      {
        "GET /api/v1/agents/a%2Fb%3F": { body: { id: "a/b?" } },
        "GET /api/v1/links?kind=control": { body: { items: [{ id: "1" }, "not a row"] } },
        "POST /api/v1/tokens": { status: 201, body: { id: "t" } },
        "PUT /api/v1/settings": { status: 204 },
        "DELETE /api/v1/settings?key=k": { status: 204 },
      },
      async (seen) => {
        const client = createSocketClient({ dataDir: folder, cwd: folder });
        assert.deepEqual(await client.get({ path: ["agents", "a/b?"] }), { id: "a/b?" });
        const query = { kind: "control", agent: undefined };
        assert.deepEqual(await client.list({ path: ["links"], query }), [{ id: "1" }]);
        assert.deepEqual(await client.post({ path: ["tokens"] }, { uses: 1 }), { id: "t" });
        assert.deepEqual(await client.put({ path: ["settings"] }, { key: "k" }), {});
        assert.deepEqual(await client.delete({ path: ["settings"], query: { key: "k" } }), {});
        assert.deepEqual(
          seen.map(({ body }) => body),
          [undefined, undefined, { uses: 1 }, { key: "k" }, undefined],
        );
      },
    ),
  ));

test("central's own refusal comes through whole", () =>
  withTempFolder((folder) => {
    const detail = { thing: "agent", id: "x", noun: "agents" };
    const body = toProblem(new TautlineError("api.not_found", { detail }));
    return withFakeCentral(folder, { "GET /api/v1/agents/x": { status: 404, body } }, async () => {
      const client = createSocketClient({ dataDir: folder, cwd: folder });
      await assert.rejects(client.get({ path: ["agents", "x"] }), (error) => {
        assert.equal(describeFailure(error).sentence, "There is no agent 'x'.");
        return hasCode("cli.central_refused")(error);
      });
    });
  }));

test("no socket, a stale socket file and no folder all mean: not running, exit 3", () =>
  withTempFolder(async (folder) => {
    const stale = join(folder, "stale");
    mkdirSync(stale);
    await withServer(
      stale,
      () => undefined,
      async () => undefined,
    );
    for (const dataDir of [folder, stale, join(folder, "absent")]) {
      const client = createSocketClient({ dataDir, cwd: folder });
      await assert.rejects(client.get({ path: ["status"] }), (error) => {
        assert.equal(describeFailure(error).exitCode, 3);
        return hasCode("cli.central_not_running")(error);
      });
    }
  }));

test("a plain file where the socket should be is not taken for a central", () =>
  withTempFolder(async (folder) => {
    writeFileSync(join(folder, "admin.sock"), "");
    const client = createSocketClient({ dataDir: folder, cwd: folder });
    await assert.rejects(client.get({ path: ["status"] }), (error) => {
      assert.ok(isTautlineError(error));
      return error.exitCode === 3;
    });
  }));

test("a central that never answers is given up, and the request is named", () =>
  withTempFolder((folder) =>
    withServer(
      folder,
      () => undefined,
      async () => {
        const client = createSocketClient({ dataDir: folder, cwd: folder, timeoutMs: 20 });
        await assert.rejects(client.get({ path: ["status"] }), (error) => {
          assert.match(String(error), /GET \/api\/v1\/status/);
          return hasCode("cli.central_silent")(error);
        });
      },
    ),
  ));

test("an answer that is not a JSON object is refused, not shown", () =>
  withTempFolder(async (folder) => {
    for (const body of ["not json", "[]", "1"]) {
      await withFakeCentral(folder, { "GET /api/v1/status": { body } }, async () => {
        const client = createSocketClient({ dataDir: folder, cwd: folder });
        await assert.rejects(client.get({ path: ["status"] }), hasCode("cli.central_unreadable"));
      });
    }
  }));

test("a failure without a readable document is still central's refusal", () =>
  withTempFolder((folder) =>
    withFakeCentral(folder, { "GET /api/v1/status": { status: 500, body: "<html>" } }, async () => {
      const client = createSocketClient({ dataDir: folder, cwd: folder });
      await assert.rejects(client.get({ path: ["status"] }), hasCode("cli.central_refused"));
    }),
  ));

test("a connection that breaks in the middle of an answer is an error, not a shorter list", () =>
  withTempFolder((folder) =>
    withServer(
      folder,
      (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"items":[', () => response.destroy());
      },
      async () => {
        const client = createSocketClient({ dataDir: folder, cwd: folder });
        await assert.rejects(client.list({ path: ["agents"] }), isTautlineError);
      },
    ),
  ));

test("a folder whose path is too long for a socket is reached from the caller's folder", () =>
  withTempFolder(async (folder) => {
    const deep = join(folder, "d".repeat(60), "e".repeat(60));
    mkdirSync(deep, { recursive: true });
    const cwd = process.cwd();
    process.chdir(deep);
    try {
      const server = createServer((_request, response) => response.end("{}")).listen("admin.sock");
      await once(server, "listening");
      const client = createSocketClient({ dataDir: deep, cwd: deep });
      assert.deepEqual(await client.get({ path: ["status"] }), {});
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    } finally {
      process.chdir(cwd);
    }
  }));
