import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { launchProcess, withTempFolder } from "@tautline/testing";
import { sampleJoining } from "../../test/sample-states.ts";
import { openQuickVault } from "../../test/quick-vault.ts";
import { NO_MEMORY } from "../audit/head-memory.ts";
import { dataFolder } from "../data-folder.ts";
import { splitState } from "../settings/settings-document.ts";
import { saveSettings } from "../settings/settings-file.ts";
import { describeStatus } from "./agent-status.ts";
import { readStatus } from "./status-reader.ts";
import { openStatusSocket } from "./status-socket.ts";

const { open } = splitState(sampleJoining);
const document = describeStatus(open, {
  control: { connected: false, evidence: undefined, lastAnswerAtMs: undefined, attempts: [] },
  vault: { keyVersion: 1, source: "key-file", where: "x", strength: "weak" },
  problems: [],
  auditMemory: NO_MEMORY,
  addresses: ["a:1"],
  clockOffsetMs: undefined,
  offer: undefined,
  proxy: null,
  forwards: [],
  services: [],
  edge: null,
  level: "mtls",
  key: null,
});

async function ask(socketPath: string, method: string, path: string): Promise<[number, string]> {
  const asking = request({ socketPath, method, path });
  asking.end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return [response.statusCode ?? 0, text];
}

test("the socket answers GET /status and nothing else, and only to this user", async () => {
  await withTempFolder(async (path) => {
    const folder = dataFolder(path);
    const before = process.umask(0);
    const socket = await openStatusSocket(folder.socket, () => document);
    process.umask(before);
    try {
      assert.equal(statSync(folder.socket).mode & 0o777, 0o600);
      assert.deepEqual(await readStatus(folder), document);
      for (const [method, url] of [
        ["POST", "/status"],
        ["GET", "/"],
        ["GET", "/status?x"],
        ["DELETE", "/status"],
      ] as const) {
        const [status, text] = await ask(folder.socket, method, url);
        assert.equal(status, 404);
        assert.match(text, /api\.no_route/);
      }
    } finally {
      await socket.close();
    }
    assert.ok(!existsSync(folder.socket));
  });
});

test("an agent that has no status yet says so, and goes on", async () => {
  await withTempFolder(async (path) => {
    const folder = dataFolder(path);
    let isReady = false;
    const socket = await openStatusSocket(folder.socket, () => {
      if (isReady) return document;
      throw new TautlineError("agent.not_joined", { detail: { dataDir: path } });
    });
    const [status, text] = await ask(folder.socket, "GET", "/status");
    assert.equal(status, 409);
    assert.match(text, /agent\.not_joined/);
    await assert.rejects(
      readStatus(folder),
      (error) => isTautlineError(error) && error.code === "agent.status_unreadable",
    );
    isReady = true;
    assert.deepEqual(await readStatus(folder), document);
    await socket.close();
  });
});

test("a socket left by an agent that was killed keeps nobody out, and tells a reader that none runs", async (t) => {
  await withTempFolder(async (path) => {
    const folder = dataFolder(path);
    const program = `
      require("node:net").createServer().listen(${JSON.stringify(folder.socket)}, () =>
        console.log(JSON.stringify({ event: "listening" })));
    `;
    await using killed = launchProcess({
      command: process.execPath,
      args: ["-e", program],
      signal: t.signal,
    });
    await killed.waitForEvent(({ event }) => event === "listening");
    await killed.kill("SIGKILL");
    assert.ok(existsSync(folder.socket));
    saveSettings(folder.settings, await openQuickVault(), sampleJoining);
    assert.equal((await readStatus(folder)).running, false);
    const socket = await openStatusSocket(folder.socket, () => document);
    assert.equal((await readStatus(folder)).running, true);
    await socket.close();
  });
});

test("without an agent and without a state there is nothing to tell", async () => {
  await withTempFolder(async (path) => {
    await assert.rejects(
      readStatus(dataFolder(path)),
      (error) => isTautlineError(error) && error.code === "agent.not_joined",
    );
  });
});

const STRANGE: [name: string, answer: string][] = [
  ["not HTTP", "hello\r\n\r\n"],
  ["another document", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
  ["no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"],
  ["a cut answer", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"],
  [
    "an endless answer",
    `HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n${" ".repeat(1_048_577)}`,
  ],
];
for (const [name, answer] of STRANGE) {
  test(`a socket that gives ${name} is unreadable, not trusted`, async () => {
    await withTempFolder(async (path) => {
      const folder = dataFolder(path);
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.end(answer);
      });
      server.listen(folder.socket);
      await once(server, "listening");
      try {
        await assert.rejects(
          readStatus(folder),
          (error) => isTautlineError(error) && error.code === "agent.status_unreadable",
        );
      } finally {
        server.close();
      }
    });
  });
}

test("a path too long for a socket, and one where none can be made, are refused by name", async () => {
  await withTempFolder(async (path) => {
    const long = join(path, "x".repeat(120));
    await assert.rejects(
      openStatusSocket(long, () => document),
      (error) => isTautlineError(error) && error.code === "agent.socket_path_too_long",
    );
    await assert.rejects(
      openStatusSocket(join(path, "gone", "agent.sock"), () => document),
      (error) => isTautlineError(error) && error.code === "agent.socket_failed",
    );
    const file = join(path, "plain");
    writeFileSync(file, "left over");
    await (await openStatusSocket(file, () => document)).close();
  });
});
