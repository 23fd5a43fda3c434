import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, type LaunchedProcess, withTempFolder } from "@tautline/testing";
import {
  callSocket,
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

interface Status {
  readonly audit: {
    readonly head?: { readonly body: string };
    readonly forks: readonly { readonly what: string }[];
  };
}

interface Fork {
  readonly id: string;
  readonly agents: readonly string[];
}

/** Number of the checkpoint in a text. */
const numberIn = (body = ""): number => Number(/\nnumber (\d+)\n/.exec(body)?.[1] ?? 0);

const statusOf = (data: string): Promise<Status | undefined> =>
  callSocket<Status>(join(data, "agent.sock"), { method: "GET", path: "/status" }).catch(
    () => undefined,
  );

async function verify(
  ...flags: readonly string[]
): Promise<{ code: number | null; stderr: string }> {
  await using verb = launchTautline(["audit", "verify", ...flags]);
  const { code } = await verb.exited;
  return { code, stderr: verb.stderr };
}

async function join1(central: RunningCentral, data: string): Promise<string> {
  await using joining = launchTautline(
    ["agent", "join", "--json", "--name", "one", "--data", data],
    {
      env: { TAUTLINE_TOKEN: await central.token() },
    },
  );
  assert.equal((await joining.exited).code, 0, joining.stderr);
  return (JSON.parse(joining.stdout) as { id: string }).id;
}

const connected = (agent: LaunchedProcess) =>
  agent.waitForEvent((event) => event["event"] === "connected");

describe("the audit trail of real processes", () => {
  it("A26: a restored database is found by the agent, by central, and by whoever compares", async (t) => {
    await withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      const data = join(folder, "agent");
      await using first = launchCentral(dataDir);
      const begun = await describeCentral(first, dataDir, folder);
      const id = await join1(begun, data);
      const ports = { agents: begun.agentsPort, console: begun.consolePort };
      await first.kill("SIGTERM");
      cpSync(dataDir, join(folder, "copy"), { recursive: true });

      // Two more runs: what they signed when they stopped is what the copy does not have.
      for (let run = 0; run < 2; run += 1) {
        await using later = launchCentral(dataDir, ports);
        await describeCentral(later, dataDir, folder);
        await later.kill("SIGTERM");
      }
      await using seen = launchCentral(dataDir, ports);
      await describeCentral(seen, dataDir, folder);
      await using agent = launchTautline(["agent", "run", "--json", "--data", data]);
      await connected(agent);
      const head = await until(async () => (await statusOf(data))?.audit.head, t.signal);
      const kept = join(folder, "kept.jsonl");
      await using exporting = launchTautline(["audit", "export", "--data", dataDir]);
      assert.equal((await exporting.exited).code, 0);
      writeFileSync(kept, exporting.stdout);
      await seen.kill("SIGTERM");

      rmSync(dataDir, { recursive: true });
      cpSync(join(folder, "copy"), dataDir, { recursive: true });
      await using restored = launchCentral(dataDir, ports);
      const central = await describeCentral(restored, dataDir, folder);
      const status = await until(async () => {
        const now = await statusOf(data);
        return now !== undefined && now.audit.forks.length > 0 ? now : undefined;
      }, t.signal);
      assert.match(status.audit.forks[0]?.what ?? "", /older/);
      const fork = await until(
        async () => (await central.call<Items<Fork>>("GET", "/api/v1/audit/forks")).items[0],
        t.signal,
      );
      assert.deepEqual(fork.agents, [id]);

      const remembered = join(folder, "status.json");
      writeFileSync(remembered, JSON.stringify(status));
      const witness = join(folder, "head.json");
      writeFileSync(witness, JSON.stringify(head));
      for (const [flags, code] of [
        [[], /audit\.forked/],
        [["--against", kept], /audit\.restored/],
        [["--against", witness], /audit\.restored/],
        [["--against", remembered], /audit\.restored/],
      ] as const) {
        const verdict = await verify("--data", dataDir, ...flags);
        assert.equal(verdict.code, 1, flags.join(" "));
        assert.match(verdict.stderr, code);
      }
      await central.call("POST", `/api/v1/audit/forks/${fork.id}/acknowledge`);
      assert.deepEqual(await verify("--data", dataDir), { code: 0, stderr: "" });
      const numbers = [numberIn(head.body), numberIn(status.audit.head?.body)];
      assert.ok(
        (numbers[0] ?? 0) > (numbers[1] ?? 0),
        "it follows what it is shown, and keeps what it saw",
      );
      assert.match(readFileSync(join(data, "audit.jsonl"), "utf8"), /audit\.fork/);
      await restored.kill("SIGTERM");
      await agent.kill("SIGTERM");
    });
  });

  it("F1: kill -9 between an entry and its checkpoint leaves a trail that can be checked, and goes on", async () => {
    await withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      const config = join(folder, "central.yaml");
      writeFileSync(config, "audit:\n  checkpointEntries: 2\n");
      const flags = ["--host", "127.0.0.1", "--agents-port", "0", "--console-port", "0"];
      const command = ["central", "run", "--json", "--data", dataDir, "--config", config, ...flags];
      let signed = 0;
      for (let round = 0; round < 8; round += 1) {
        await using doomed = launchTautline(command);
        const central = await describeCentral(doomed, dataDir, folder);
        const tokens = Array.from({ length: 5 + round }, () => central.token().catch(() => ""));
        await tokens[round % 5];
        await doomed.kill("SIGKILL");
        await Promise.all(tokens);
        await using again = launchTautline(command);
        const whole = await describeCentral(again, dataDir, folder);
        const verdict = await whole.call<{ ok: boolean; checkpoints: number }>(
          "GET",
          "/api/v1/audit/verify",
        );
        assert.equal(verdict.ok, true, JSON.stringify(verdict));
        assert.ok(verdict.checkpoints >= signed);
        signed = verdict.checkpoints;
        await again.kill("SIGKILL");
      }
      assert.ok(signed > 0);
    });
  });

  it("an export that follows shows what is written, over the socket and over a context, and ends by SIGTERM with 0", async () => {
    await withCentral(async (central) => {
      const operator = { name: "ana", role: "viewer" };
      const made = await central.call<{ token: string }>("POST", "/api/v1/operators", operator);
      const { rootPin } = await central.call<{ rootPin: string }>("GET", "/api/v1/status");
      const env = { HOME: central.folder, TAUTLINE_TOKEN: made.token };
      const url = `https://127.0.0.1:${central.consolePort}`;
      await using login = launchTautline(["login", url, "--root-pin", rootPin, "--name", "lab"], {
        env,
      });
      assert.equal((await login.exited).code, 0, login.stderr);
      const verb = ["audit", "export", "--follow"];
      await using local = launchTautline([...verb, "--data", central.dataDir]);
      await using far = launchTautline([...verb, "--context", "lab"], { env });
      for (const [round, reader] of [local, far].entries()) {
        await central.call("POST", "/api/v1/namespaces", { name: `follow-${round}` });
        const line = await reader.waitForEvent((event) =>
          String(event["body"]).includes(`follow-${round}`),
        );
        assert.equal(line["type"], "entry");
        assert.equal((await reader.kill("SIGTERM")).code, 0, reader.stderr);
        const file = join(central.folder, `follow-${round}.jsonl`);
        writeFileSync(file, reader.stdout);
        assert.deepEqual(await verify("--file", file), { code: 0, stderr: "" });
      }
      await using checked = launchTautline(["audit", "verify", "--context", "lab"], { env });
      assert.equal((await checked.exited).code, 0, checked.stderr);
    });
  });
});
