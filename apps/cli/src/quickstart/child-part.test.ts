import assert from "node:assert/strict";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TautlineError, toProblem } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { startPart, type ChildPart } from "./child-part.ts";

function start(folder: string, script: string, input?: string): ChildPart {
  return startPart({
    name: "The part",
    command: [process.execPath, "--input-type=module", "-e", script],
    logFile: join(folder, "part.log"),
    ...(input === undefined ? {} : { input }),
  });
}

test("events are told by name, whatever else is printed", () =>
  withTempFolder(async (folder) => {
    const part = start(
      folder,
      `console.log("not json"); console.log('{"other":1}'); console.log('{"event":"ready","port":1}'); console.log('{"event":"ready","port":2}');`,
    );
    assert.deepEqual(await part.event("ready"), { event: "ready", port: 1 });
    assert.deepEqual(await part.ended, { how: "exit code 0", problem: undefined });
  }));

test("standard input carries the secret, and then closes", () =>
  withTempFolder(async (folder) => {
    const echo = `let text = ""; for await (const chunk of process.stdin) text += chunk; console.log(JSON.stringify({ event: "read", text }));`;
    const part = start(folder, echo, "tautline1.abc");
    assert.deepEqual(await part.event("read"), { event: "read", text: "tautline1.abc" });
    await part.ended;
  }));

test("A14: the log is for this user alone, whatever its mode was before", () =>
  withTempFolder(async (folder) => {
    const logFile = join(folder, "part.log");
    writeFileSync(logFile, "earlier\n", { mode: 0o644 });
    await start(folder, "console.error('later')").ended;
    assert.equal(statSync(logFile).mode & 0o777, 0o600);
    assert.equal(readFileSync(logFile, "utf8"), "earlier\nlater\n");
  }));

test("a log that has grown large makes way for a new one; one older stays", () =>
  withTempFolder(async (folder) => {
    const logFile = join(folder, "part.log");
    writeFileSync(logFile, "");
    truncateSync(logFile, 16 * 1024 * 1024 + 1);
    await start(folder, "console.error('fresh')").ended;
    assert.equal(readFileSync(logFile, "utf8"), "fresh\n");
    assert.equal(statSync(`${logFile}.1`).size, 16 * 1024 * 1024 + 1);
  }));

test("a refusal is told by its problem document, one of an earlier start is not", () =>
  withTempFolder(async (folder) => {
    const problem = toProblem(new TautlineError("store.full"));
    writeFileSync(join(folder, "part.log"), `${JSON.stringify(problem)}\n`);
    const silent = await start(folder, "process.exitCode = 3").ended;
    assert.deepEqual(silent, { how: "exit code 3", problem: undefined });
    const line = JSON.stringify(JSON.stringify(problem));
    const refused = await start(folder, `console.error(${line}); process.exitCode = 1`).ended;
    assert.deepEqual(refused, { how: "exit code 1", problem });
  }));

const UNTIL_TOLD = `setInterval(() => {}, 60000); console.log('{"event":"up"}');`;

test("stop asks with SIGTERM and waits; kill does not ask", () =>
  withTempFolder(async (folder) => {
    const draining = start(folder, `process.on("SIGTERM", () => process.exit(0)); ${UNTIL_TOLD}`);
    await draining.event("up");
    assert.equal((await draining.stop()).how, "exit code 0");
    const stubborn = start(folder, `process.on("SIGTERM", () => {}); ${UNTIL_TOLD}`);
    await stubborn.event("up");
    stubborn.kill();
    assert.equal((await stubborn.ended).how, "killed by SIGKILL");
  }));

test("stopping what has ended already is no error", () =>
  withTempFolder(async (folder) => {
    const part = start(folder, "");
    const end = await part.ended;
    assert.deepEqual(await part.stop(), end);
  }));

test("a program that cannot be started has ended", () =>
  withTempFolder(async (folder) => {
    const logFile = join(folder, "part.log");
    const part = startPart({ name: "The part", command: [join(folder, "absent")], logFile });
    assert.match((await part.ended).how, /ENOENT/);
  }));
