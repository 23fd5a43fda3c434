import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, lstatSync, renameSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import type { ListenAddress } from "./listen-address.ts";
import { openLocalListener, type LocalListener } from "./local-listener.ts";

const anyPort: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };
const hangUp = (plain: Socket): void => void plain.destroy();

const fail = (error: Error): void => assert.fail(error);

function open(
  address: ListenAddress,
  onConnection: (plain: Socket) => void = hangUp,
  mode?: number,
): Promise<LocalListener> {
  return openLocalListener({ forward: "db", address, mode, onConnection, onProblem: fail });
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o777;

const refuses = (code: string, text: RegExp) => (error: unknown) =>
  isTautlineError(error) && error.code === code && text.test(error.message);

/** A socket file behind which nobody listens any more, as a killed agent leaves it. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.made`);
  await once(server, "listening");
  // Closing removes the file by the name it was made under.
  renameSync(`${path}.made`, path);
  server.close();
  await once(server, "close");
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`at ${host} not a byte is read before somebody wants it, and each direction ends by itself`, async () => {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const listener = await open({ kind: "tcp", host, port: 0 }, resolve);
    assert.ok(listener.address.kind === "tcp" && listener.address.port > 0);
    const program = connect({ ...listener.address, allowHalfOpen: true });
    program.end("hello");
    const plain = await promise;
    await new Promise((next) => setImmediate(next));
    assert.deepEqual([plain.isPaused(), plain.bytesRead], [true, 0]);
    let text = "";
    plain.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(plain.resume(), "end");
    assert.equal(text, "hello");
    assert.ok(plain.writable);
    plain.end("and good bye");
    assert.equal(String(await once(program, "data")), "and good bye");
    listener.close();
  });
}

test("what was taken goes on when it takes no more", async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listener = await open(anyPort, resolve);
  const { address } = listener;
  assert.ok(address.kind === "tcp");
  const program = connect(address);
  const plain = await promise;
  listener.close();
  const [error] = (await once(connect(address), "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
  plain.end("still here");
  assert.equal(String(await once(program, "data")), "still here");
});

test("a port that is taken is refused with forward and address", async () => {
  const first = await open(anyPort);
  await assert.rejects(
    open(first.address),
    refuses("agent.forward_listen_failed", /'db' cannot listen at 127\.0\.0\.1:\d+: EADDRINUSE/),
  );
  first.close();
});

test("A14: under umask 0 a Unix socket is this user's alone from the moment it is made, or of the mode that is set", () =>
  withTempFolder(async (folder) => {
    const before = process.umask(0);
    try {
      for (const mode of [undefined, 0o660, 0o666]) {
        const path = join(folder, "db.sock");
        const opening = open({ kind: "unix", path }, hangUp, mode);
        // As long as promises have their turn, nobody has heard that it listens, and its mode was not set yet.
        for (let turn = 0; turn < 100 && !existsSync(path); turn += 1) await Promise.resolve();
        assert.equal(modeOf(path), 0o600);
        const listener = await opening;
        assert.equal(modeOf(path), mode ?? 0o600);
        assert.equal(process.umask(), 0);
        listener.close();
        assert.ok(!existsSync(path));
      }
    } finally {
      process.umask(before);
    }
  }));

test("a socket that a killed agent left behind is replaced", () =>
  withTempFolder(async (folder) => {
    const path = join(folder, "db.sock");
    await leaveStale(path);
    assert.ok(lstatSync(path).isSocket());
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const listener = await open({ kind: "unix", path }, resolve);
    const program = connect(path);
    (await promise).end("new");
    assert.equal(String(await once(program, "data")), "new");
    listener.close();
  }));

test("a socket behind which somebody lives is refused by name and goes on living", () =>
  withTempFolder(async (folder) => {
    const path = join(folder, "db.sock");
    const first = await open({ kind: "unix", path });
    await assert.rejects(
      open({ kind: "unix", path }),
      refuses("agent.forward_socket_alive", /'db' cannot listen at unix:.*db\.sock/),
    );
    const program = connect(path);
    await once(program, "connect");
    program.destroy();
    first.close();
  }));

test("what is no socket is never replaced", () =>
  withTempFolder(async (folder) => {
    const path = join(folder, "precious");
    writeFileSync(path, "data");
    await assert.rejects(
      open({ kind: "unix", path }),
      refuses("agent.forward_socket_foreign", /no socket/),
    );
    assert.ok(lstatSync(path).isFile());
  }));

test("a folder that is not there is a reason, and a path too long for the system is one before anything is made", () =>
  withTempFolder(async (folder) => {
    const path = join(folder, "none", "db.sock");
    await assert.rejects(
      open({ kind: "unix", path }),
      refuses("agent.forward_listen_failed", /ENOENT|EACCES/),
    );
    const limit = process.platform === "linux" ? 107 : 103;
    const longest = join(folder, "x".repeat(limit - folder.length - 1));
    (await open({ kind: "unix", path: longest })).close();
    await assert.rejects(open({ kind: "unix", path: `${longest}x` }), {
      code: "agent.socket_path_too_long",
    });
  }));
