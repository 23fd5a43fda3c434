import assert from "node:assert/strict";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { launchProcess, type LaunchOptions } from "./launch-process.ts";
import { listenOnAnyPort } from "./listen-on-any-port.ts";
import { withTempFolder } from "./temp-folder.ts";

/** A process that runs `script` under the Node of the tests. */
function launchScript(script: string, options: Omit<LaunchOptions, "command" | "args"> = {}) {
  return launchProcess({ ...options, command: process.execPath, args: ["-e", script] });
}

function isAlive(pid: number | undefined): boolean {
  assert.ok(pid !== undefined);
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Says it is ready, then stays. */
const STAYS = `console.log(JSON.stringify({ event: "ready" })); setInterval(() => {}, 1000);`;
const isReady = (event: Readonly<Record<string, unknown>>) => event["event"] === "ready";

test("a process's output, error output and exit code are all there when it has ended", async () => {
  await using launched = launchScript(
    `console.log("one\\ntwo"); console.error("three"); process.exitCode = 3;`,
  );
  assert.deepEqual(await launched.exited, { code: 3, signal: null });
  assert.equal(launched.stdout, "one\ntwo\n");
  assert.equal(launched.stderr, "three\n");
  const lines = [];
  for await (const line of launched.stdoutLines) lines.push(line);
  assert.deepEqual(lines, ["one", "two"]);
});

test("input is written and closed; without input there is none to wait for", async () => {
  const copies = `process.stdin.pipe(process.stdout)`;
  await using fed = launchScript(copies, { input: "secret" });
  await using unfed = launchScript(copies);
  assert.deepEqual([(await fed.exited).code, (await unfed.exited).code], [0, 0]);
  assert.deepEqual([fed.stdout, unfed.stdout], ["secret", ""]);
});

test("input may be left open after it was written", async () => {
  const says = `process.stdin.on("data", (part) => process.stdout.write(part + "\\n")).on("end", () => console.log("ended"))`;
  await using fed = launchScript(says, { input: "secret", keepInputOpen: true });
  for await (const line of fed.stdoutLines) if (line === "secret") break;
  await fed.kill();
  assert.equal(fed.stdout, "secret\n");
});

test("a process that ends without reading its input is no error of ours", async () => {
  await using launched = launchScript(`process.exit(0)`, { input: Buffer.alloc(1 << 20) });
  assert.deepEqual(await launched.exited, { code: 0, signal: null });
});

test("nothing of the caller's environment is passed on but the bare necessities", async () => {
  process.env["TAUTLINE_PLANTED"] = "1";
  process.env["NODE_COMPILE_CACHE"] = "/nowhere/compiled";
  try {
    await using launched = launchScript(`console.log(JSON.stringify(process.env))`, {
      env: { GIVEN: "yes" },
    });
    const seen = await launched.waitForEvent(() => true);
    assert.equal(seen["GIVEN"], "yes");
    assert.equal(seen["PATH"], process.env["PATH"]);
    assert.equal(seen["NODE_COMPILE_CACHE"], "/nowhere/compiled");
    for (const name of ["TAUTLINE_PLANTED", "NODE_EXTRA_CA_CERTS", "NODE_TEST_CONTEXT"]) {
      assert.equal(seen[name], undefined, name);
    }
  } finally {
    delete process.env["TAUTLINE_PLANTED"];
    delete process.env["NODE_COMPILE_CACHE"];
  }
});

test("a process runs in the folder it is given", async () => {
  await withTempFolder(async (folder) => {
    await using launched = launchScript(`console.log(process.cwd())`, { folder });
    await launched.exited;
    assert.equal(launched.stdout.trim(), realpathSync(folder));
  });
});

test("kill ends the process with the signal asked for and waits for its end", async () => {
  await using launched = launchScript(STAYS);
  await launched.waitForEvent(isReady);
  assert.equal(isAlive(launched.pid), true);
  assert.deepEqual(await launched.kill("SIGKILL"), { code: null, signal: "SIGKILL" });
  assert.equal(isAlive(launched.pid), false);
});

test("a process does not outlive its block", async () => {
  let pid: number | undefined;
  {
    await using launched = launchScript(STAYS);
    await launched.waitForEvent(isReady);
    pid = launched.pid;
    assert.equal(isAlive(pid), true);
  }
  assert.equal(isAlive(pid), false);
});

test("a process does not outlive the process that launched it, even where its block never ends", async () => {
  const server = createServer();
  const { port, close } = await listenOnAnyPort(server);
  try {
    const held = once(server, "connection") as Promise<[Socket]>;
    const holdsConnection = `require("node:net").connect(${port}, "127.0.0.1", () => console.log("{}"));`;
    const module = JSON.stringify(new URL("./launch-process.ts", import.meta.url).href);
    await using launched = launchScript(`
      const { launchProcess } = await import(${module});
      const inner = launchProcess({ command: process.execPath, args: ["-e", ${JSON.stringify(holdsConnection)}] });
      await inner.waitForEvent(() => true);
      process.exit();`);
    const [connection] = await held;
    const released = once(connection.on("error", () => {}).resume(), "close");
    await launched.exited;
    await released;
  } finally {
    await close();
  }
});

test("an event that never comes is an error that shows what the process said", async () => {
  await using launched = launchScript(`console.error("why it failed"); process.exit(1);`);
  await assert.rejects(launched.waitForEvent(isReady), /ended without[^]*why it failed/);
});

test("a wait that is aborted shows what the process said so far", async () => {
  const abort = new AbortController();
  await using launched = launchScript(`console.error("busy"); ${STAYS}`, { signal: abort.signal });
  await launched.waitForEvent(isReady);
  const waiting = launched.waitForEvent(isReady);
  abort.abort();
  await assert.rejects(waiting, /still no such event[^]*stdout:\n\{"event":"ready"\}/);
});

test("an executable that is not there rejects with the system's error", async () => {
  const launched = launchProcess({ command: "tautline-no-such-program" });
  await assert.rejects(launched.exited, { code: "ENOENT" });
});
