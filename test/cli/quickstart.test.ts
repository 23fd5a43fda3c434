import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import {
  launchTautline,
  listenOnAnyPort,
  withTempFolder,
  type LaunchedProcess,
} from "@tautline/testing";
import { until } from "../until.ts";

interface Ports {
  readonly agents: number;
  readonly console: number;
}

async function freePorts(): Promise<Ports> {
  const first = await listenOnAnyPort(createServer());
  const second = await listenOnAnyPort(createServer());
  await Promise.all([first.close(), second.close()]);
  return { agents: first.port, console: second.port };
}

function start(folder: string, ports: Ports, ...more: readonly string[]): LaunchedProcess {
  return launchTautline([
    "quickstart",
    "--data",
    folder,
    `--agents-port=${ports.agents}`,
    `--console-port=${ports.console}`,
    ...more,
  ]);
}

async function run(...args: readonly string[]): Promise<string> {
  await using command = launchTautline(args);
  const { code } = await command.exited;
  assert.equal(code, 0, command.stderr);
  return command.stdout;
}

async function untilWelcome(fleet: LaunchedProcess, signal: AbortSignal): Promise<void> {
  const tooEarly = fleet.exited.then(() =>
    assert.fail(`it ended before it was ready:\n${fleet.stderr}`),
  );
  const welcome = until(
    async () => (fleet.stdout.includes("same fleet.") ? true : undefined),
    signal,
  );
  await Promise.race([welcome, tooEarly]);
}

const isReady = (event: Readonly<Record<string, unknown>>): boolean => event["event"] === "ready";

/** The processes that quickstart started, found by the folder in their command lines. */
async function partsOn(folder: string): Promise<readonly number[]> {
  const lines = await processList();
  return lines
    .filter(
      ({ words }) =>
        words.includes(join(folder, "central")) || words.includes(join(folder, "agent")),
    )
    .map(({ pid }) => pid);
}

async function processList(): Promise<readonly { pid: number; words: readonly string[] }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const list = await Promise.all(
    pids.map(async (pid) => {
      // A process may end between the two looks.
      const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return { pid, words: text.split("\0") };
    }),
  );
  return list.filter(({ words }) => words.length > 1);
}

async function pidOf(folder: string, part: "central" | "agent"): Promise<number> {
  const found = (await processList()).find(
    ({ words }) => words.includes(join(folder, part)) && words.includes(part),
  );
  assert.ok(found, `no process of ${part}`);
  return found.pid;
}

async function untilNoneIsLeft(folder: string, signal: AbortSignal): Promise<void> {
  await until(async () => ((await partsOn(folder)).length === 0 ? true : undefined), signal);
}

test("the first start joins this host, the second resumes the same fleet, and each leaves nothing behind", async ({
  signal,
}) => {
  await withTempFolder(async (folder) => {
    const ports = await freePorts();
    await using first = start(folder, ports);
    await untilWelcome(first, signal);
    assert.match(first.stdout, /^Tautline is running\.$/m);
    assert.match(
      first.stdout,
      /this host's agent +[0-9a-f-]{36}, connected: mtls, X25519MLKEM768$/m,
    );
    assert.match(first.stdout, /^ {2}\.?\/?\S*tautline agent join tautline1\.\S+ --run$/m);
    const links: unknown = JSON.parse(await run("links", "list", "--json", "--data", folder));
    assert.partialDeepStrictEqual(links, {
      items: [{ kind: "control", level: "mtls", group: "X25519MLKEM768", clientProven: true }],
    });
    const [, id = ""] = /this host's agent +(\S+),/.exec(first.stdout) ?? [];
    assert.deepEqual(await first.kill("SIGTERM"), { code: 0, signal: null });
    assert.deepEqual(await partsOn(folder), []);
    assert.equal(readFileSync(join(folder, "agent.log"), "utf8").includes("tautline1."), false);

    await using second = start(folder, ports, "--json");
    const ready = await second.waitForEvent(isReady);
    assert.partialDeepStrictEqual(ready, { agent: { id, level: "mtls" } });
    const agents: unknown = JSON.parse(await run("agents", "list", "--json", "--data", folder));
    assert.equal((agents as { items: unknown[] }).items.length, 1);
    assert.deepEqual(await second.kill("SIGINT"), { code: 0, signal: null });
    assert.deepEqual(await partsOn(folder), []);

    // On other ports this host's agent, which knows the old one, comes along.
    await using third = start(folder, await freePorts(), "--json");
    const again = await third.waitForEvent(isReady);
    assert.partialDeepStrictEqual(again, { agent: { id, level: "mtls" } });
    assert.deepEqual(await third.kill("SIGTERM"), { code: 0, signal: null });
  });
});

test("the printed line joins the next host, by the same path", async ({ signal }) => {
  await withTempFolder(async (folder) => {
    await using fleet = start(folder, await freePorts(), "--json");
    const ready = await fleet.waitForEvent(isReady);
    const { token } = ready["next"] as { token: string };
    await run("agent", "join", token, "--data", join(folder, "next"), "--name", "next-host");
    const joined = /next-host +default +active +mtls +X25519MLKEM768/;
    await until(async () => {
      const list = await run("agents", "list", "--data", folder);
      return joined.test(list) ? true : undefined;
    }, signal);
    await fleet.kill("SIGTERM");
  });
});

for (const part of ["agent", "central"] as const) {
  test(`when the ${part} dies the other is stopped, the reason is shown and the exit code is 1`, async ({
    signal,
  }) => {
    await withTempFolder(async (folder) => {
      await using fleet = start(folder, await freePorts(), "--json");
      await fleet.waitForEvent(isReady);
      process.kill(await pidOf(folder, part), "SIGKILL");
      assert.equal((await fleet.exited).code, 1);
      assert.match(fleet.stderr, /cli\.part_ended.*killed by SIGKILL/);
      await untilNoneIsLeft(folder, signal);
    });
  });
}

test("a second Ctrl-C ends at once what does not stop; presses within a second count as one", async ({
  signal,
}) => {
  await withTempFolder(async (folder) => {
    await using fleet = start(folder, await freePorts(), "--json");
    await fleet.waitForEvent(isReady);
    process.kill(await pidOf(folder, "agent"), "SIGSTOP");
    let hasEnded = false;
    let presses = 0;
    void fleet.exited.then(() => (hasEnded = true));
    await until(async () => {
      if (hasEnded) return true;
      presses += 1;
      void fleet.kill("SIGINT");
      return undefined;
    }, signal);
    assert.ok(presses > 2, `${presses} presses`);
    assert.deepEqual(await fleet.exited, { code: 130, signal: null });
    await untilNoneIsLeft(folder, signal);
  });
});

test("when quickstart itself is killed, central and the agent stop by themselves", async ({
  signal,
}) => {
  await withTempFolder(async (folder) => {
    await using fleet = start(folder, await freePorts(), "--json");
    await fleet.waitForEvent(isReady);
    assert.equal((await partsOn(folder)).length, 2);
    await fleet.kill("SIGKILL");
    await untilNoneIsLeft(folder, signal);
  });
});

test("a port in use is said with central's own words, and nothing stays behind", async () => {
  await withTempFolder(async (folder) => {
    const taken = await listenOnAnyPort(createServer());
    try {
      await using fleet = start(folder, { agents: 0, console: taken.port });
      assert.equal((await fleet.exited).code, 1);
      assert.match(fleet.stderr, /^tautline: central\.address_in_use: .*\n {2}What to do: /m);
      assert.equal(fleet.stdout, "");
      assert.deepEqual(await partsOn(folder), []);
    } finally {
      await taken.close();
    }
  });
});
