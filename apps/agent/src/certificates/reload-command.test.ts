import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withTempFolder } from "@tautline/testing";
import { runReload } from "./reload-command.ts";

const { signal } = new AbortController();
const run = (...command: readonly string[]) => runReload("web", command, signal);

function holdLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const FAILURES: readonly [what: string, command: readonly string[], reason: RegExp][] = [
  ["ends with another code", ["/bin/sh", "-c", "exit 7"], /it ended with 7\.$/],
  [
    "says why, of which the last line is told",
    ["/bin/sh", "-c", "echo first >&2; printf 'the\\033[2J reason' >&2; exit 1"],
    /it ended with 1: the\uFFFD\[2J reason\.$/,
  ],
  ["is killed", ["/bin/sh", "-c", "kill -9 $$"], /it was ended by SIGKILL\.$/],
  ["is not there", ["/no/such/program"], /'\/no\/such\/program' failed: .*ENOENT/],
];

describe("the command that has a program read its files again", () => {
  it("is well when it ends with 0", async () => {
    assert.equal(await run("/bin/true"), undefined);
  });

  for (const [what, command, reason] of FAILURES) {
    it(`is a failure that names it when it ${what}`, async () => {
      const failure = await run(...command);
      assert.equal(failure?.code, "agent.reload_failed");
      assert.match(failure?.message ?? "", reason);
    });
  }

  it("is told with its last words also where its end is noticed before them", async () => {
    // Its output and its end come in one turn of the loop; while the first is looked at, the other one speaks and ends, and is collected with it.
    const earlier = spawn("/bin/sh", ["-c", "echo >&2"], { stdio: ["ignore", "ignore", "pipe"] });
    earlier.stderr.once("data", () => holdLoop(600));
    const running = run("/bin/sh", "-c", "sleep 0.4; echo not there yet >&2; exit 3");
    holdLoop(200);
    assert.match((await running)?.message ?? "", /it ended with 3: not there yet\.$/);
  });

  it("is not waited for where it leaves a child behind that keeps its output open", async () => {
    const failure = await run("/bin/sh", "-c", "sleep 60 & echo $! >&2; exit 4");
    const [, pid] = /it ended with 4: (\d+)\.$/.exec(failure?.message ?? "") ?? [];
    // It still runs, or this would throw.
    process.kill(Number(pid), "SIGKILL");
  });

  it("A14: sees nothing of the agent's environment, and no shell reads its words", () =>
    withTempFolder(async (folder) => {
      const file = join(folder, "seen");
      process.env["TAUTLINE_KEY"] = "a passphrase";
      const script = `env > ${file}; printf '%s' "$1" >> ${file}`;
      assert.equal(await run("/bin/sh", "-c", script, "sh", "$(touch /x); `id`"), undefined);
      delete process.env["TAUTLINE_KEY"];
      const seen = readFileSync(file, "utf8");
      assert.ok(!seen.includes("passphrase"), seen);
      assert.ok(seen.endsWith("$(touch /x); `id`"), seen);
    }));

  it("is ended with the agent", async () => {
    const stopping = new AbortController();
    const running = runReload("web", ["/bin/sleep", "600"], stopping.signal);
    stopping.abort();
    assert.equal((await running)?.code, "agent.reload_failed");
  });
});
