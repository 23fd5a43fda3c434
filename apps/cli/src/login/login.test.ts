import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createTlsAcceptor } from "@tautline/link";
import { formatOperatorToken, TautlineError, toProblem } from "@tautline/protocol";
import {
  createTestAuthority,
  listenOnAnyPort,
  type TestAuthority,
  withTempFolder,
} from "@tautline/testing";
import type { CommandContext } from "../context.ts";
import { runLine, TEST_NOW_MS, type CommandResult } from "../test-world.ts";

const TOKEN = formatOperatorToken({ id: "0".repeat(16), secret: new Uint8Array(32) });
const WHO = { name: "ana", role: "viewer", namespace: null };

/** A console port, what it was asked, and a user's home. */
interface World {
  readonly url: string;
  readonly pin: string;
  readonly seen: string[];
  readonly folder: string;
  readonly configDir: string;
  readonly run: (line: string, changes?: Partial<CommandContext>) => Promise<CommandResult>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const greet: Answer = (_request, response) => response.end(JSON.stringify(WHO));

/** Stands in for a central's console port on real TLS while `use` runs. */
async function withConsole(
  use: (world: World) => Promise<void>,
  {
    answer = greet,
    authority = createTestAuthority({ now: () => TEST_NOW_MS }),
  }: { readonly answer?: Answer; readonly authority?: TestAuthority } = {},
): Promise<void> {
  const seen: string[] = [];
  const http = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    answer(request, response);
  });
  const { server } = createTlsAcceptor({
    identity: authority.central,
    clientRootsPem: "",
    judgeClient: () => ({ level: "tls" }),
    handshakeTimeoutMs: 5_000,
    now: () => TEST_NOW_MS,
    onSecured: (socket) => http.emit("connection", socket),
    onFailed: () => undefined,
  });
  const listening = await listenOnAnyPort(server);
  try {
    await withTempFolder(async (folder) => {
      const configDir = join(folder, "home");
      const environment = { configDir, token: TOKEN };
      await use({
        url: `https://127.0.0.1:${listening.port}`,
        pin: authority.rootPin.toString("hex"),
        seen,
        folder,
        configDir,
        run: (line, changes = {}) => runLine(line, folder, { environment, ...changes }),
      });
    });
  } finally {
    await listening.close();
  }
}

test("login sends the token only to the pinned root, and keeps it without showing it", () =>
  withConsole(async ({ url, pin, seen, configDir, run }) => {
    const { code, stdout, stderr } = await run(`login ${url} --root-pin ${pin} --name lab`);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^Logged in to .* as ana: viewer of every namespace\. Context lab is in/);
    assert.deepEqual(seen, [`GET /api/v1/whoami Bearer ${TOKEN}`]);
    assert.ok(readFileSync(join(configDir, "contexts.json"), "utf8").includes(TOKEN));
    for (const line of ["contexts list", "contexts list --json"]) {
      const list = await run(line);
      assert.match(list.stdout, /lab/);
      assert.equal(list.stdout.includes("tautline-op."), false);
    }
  }));

test("a root that nobody confirmed is never trusted: nothing is sent, nothing kept", () =>
  withConsole(async ({ url, pin, seen, configDir, run }) => {
    for (const line of [`login ${url}`, `login ${url} --json`]) {
      const { code, stderr } = await run(line);
      assert.equal(code, 2);
      assert.match(stderr, /cli\.root_unconfirmed/);
      assert.ok(stderr.includes(pin));
    }
    assert.deepEqual([seen, existsSync(configDir)], [[], false]);
  }));

test("another root than --root-pin is refused: nothing is sent, nothing kept", () =>
  withConsole(async ({ url, seen, configDir, run }) => {
    const { code, stderr } = await run(`login ${url} --root-pin ${"0a".repeat(32)}`);
    assert.equal(code, 1);
    assert.match(stderr, /cli\.root_mismatch: .* does not show the root that --root-pin pins/);
    assert.deepEqual([seen, existsSync(configDir)], [[], false]);
  }));

test("a pin may be written as people copy it, with colons and capitals", () =>
  withConsole(async ({ url, pin, run }) => {
    const colons = (pin.toUpperCase().match(/../g) ?? []).join(":");
    assert.equal((await run(`login ${url} --root-pin ${colons}`)).code, 0);
    assert.equal((await run(`login ${url} --root-pin ${pin.slice(2)}`)).code, 2);
  }));

test("a login that central refuses keeps central's words and stores nothing", () =>
  withConsole(
    async ({ url, pin, configDir, run }) => {
      const { code, stderr } = await run(`login ${url} --root-pin ${pin}`);
      assert.equal(code, 1);
      assert.match(stderr, /^tautline: api\.login_failed: The operator's token is not accepted/);
      assert.match(stderr, /What to do: Ask an administrator/);
      assert.equal(existsSync(configDir), false);
    },
    {
      answer: (_request, response) => {
        response.writeHead(401, { "content-type": "application/problem+json" });
        response.end(JSON.stringify(toProblem(new TautlineError("api.login_failed"))));
      },
    },
  ));

test("the token comes from a file, standard input or TAUTLINE_TOKEN, and must be an operator's", () =>
  withConsole(async ({ url, pin, folder, configDir, run }) => {
    const bare = { environment: { configDir } };
    const line = `login ${url} --root-pin ${pin}`;
    assert.match((await run(line, bare)).stderr, /cli\.login_token_missing/);
    writeFileSync(join(folder, "token"), `${TOKEN}\n`);
    assert.equal((await run(`${line} --token-file token`, bare)).code, 0);
    const stdin = (async function* () {
      yield TOKEN;
    })();
    assert.equal((await run(`${line} --token-file -`, { ...bare, stdin })).code, 0);
    writeFileSync(join(folder, "token"), "tautline1.AAAA");
    const wrong = await run(`${line} --token-file token`, bare);
    assert.match(wrong.stderr, /value\.operator_token: .*\n.*A join token is no login/);
  }));

test("every verb works over the context in use; --data and TAUTLINE_DATA win over it", () =>
  withConsole(
    async ({ url, pin, seen, folder, configDir, run }) => {
      await run(`login ${url} --root-pin ${pin} --name lab`);
      const list = await run("agents list --json");
      assert.deepEqual(JSON.parse(list.stdout), { items: [] });
      await run("tokens create");
      assert.deepEqual(
        seen.slice(1).map((line) => line.split(" ").slice(0, 2).join(" ")),
        ["GET /api/v1/agents", "POST /api/v1/tokens"],
      );
      const byData = await run(`agents list --context lab --data ${folder}/absent`);
      assert.match(byData.stderr, /cli\.central_not_running/);
      const environment = { configDir, dataDir: join(folder, "absent") };
      assert.match((await run("agents list", { environment })).stderr, /central_not_running/);
      assert.equal((await run("agents list --context lab", { environment })).code, 0);
      assert.match((await run("agents list --context b")).stderr, /cli\.context_unknown/);
    },
    {
      answer: (request, response) => {
        if (request.url === "/api/v1/whoami") response.end(JSON.stringify(WHO));
        else response.end('{"items":[],"token":"tautline1.x"}');
      },
    },
  ));

test("a central that another root took the place of gets no token", async () => {
  const stranger = createTestAuthority({ now: () => TEST_NOW_MS });
  await withConsole(async ({ url, pin, configDir, run }) => {
    await run(`login ${url} --root-pin ${pin} --name lab`);
    await withConsole(
      async (other) => {
        const file = join(configDir, "contexts.json");
        const port = new URL(other.url).port;
        const text = readFileSync(file, "utf8").replace(/"port": \d+/, `"port": ${port}`);
        writeFileSync(file, text);
        const { code, stderr } = await run("agents list");
        assert.equal(code, 1);
        assert.match(stderr, /cli\.root_mismatch: .* the root that context 'lab' pins/);
        assert.deepEqual(other.seen, []);
      },
      { authority: stranger },
    );
  });
});

test("a central that is not there is exit 3, and an answer that is none is refused", () =>
  withConsole(
    async ({ url, pin, configDir, run }) => {
      const { code, stderr } = await run(`login ${url} --root-pin ${pin}`);
      assert.deepEqual([code, existsSync(configDir)], [1, false]);
      assert.match(stderr, /cli\.central_unreadable/);
      const gone = await run("login https://127.0.0.1:1");
      assert.equal(gone.code, 3);
      assert.match(gone.stderr, /link\.unreachable/);
    },
    { answer: (_request, response) => response.end("<html>") },
  ));

test("contexts: one is chosen, one forgotten, and unknown ones are named", () =>
  withConsole(async ({ url, pin, run }) => {
    await run(`login ${url} --root-pin ${pin} --name a`);
    await run(`login ${url} --root-pin ${pin} --name b`);
    const inUse = async (): Promise<unknown[]> => {
      const { items } = JSON.parse((await run("contexts list --json")).stdout) as {
        items: { name: string; inUse: boolean }[];
      };
      return items.map((item) => [item.name, item.inUse]);
    };
    assert.deepEqual(await inUse(), [
      ["a", false],
      ["b", true],
    ]);
    assert.equal((await run("contexts use a")).stdout, "Context a is in use.\n");
    assert.match((await run("contexts remove a")).stderr, /cli\.confirmation_needed/);
    assert.equal((await run("contexts remove a --yes")).stdout, "Context a is forgotten.\n");
    assert.deepEqual(await inUse(), [["b", false]]);
    for (const verb of ["use nowhere", "remove nowhere --yes"]) {
      assert.match((await run(`contexts ${verb}`)).stderr, /cli\.context_unknown/);
    }
  }));

test("a second login to a root already confirmed asks nobody again", () =>
  withConsole(async ({ url, pin, seen, run }) => {
    await run(`login ${url} --root-pin ${pin} --name lab`);
    assert.equal((await run(`login ${url} --name lab`)).code, 0);
    assert.equal((await run(`login ${url} --name other`)).code, 2);
    assert.equal(seen.length, 2);
  }));
