import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import { launchTautline, withTempFolder } from "@tautline/testing";
import { withEveryLevel } from "../faults/every-level.ts";
import { segmentClient } from "../interop/telemetry/segment-client.ts";
import {
  startTelemetryBackend,
  type TelemetryBackend,
} from "../interop/telemetry/telemetry-backend.ts";
import {
  describeCentral,
  launchCentral,
  type Items,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { joinEdge, runEdge } from "../running-edge.ts";
import { until } from "../until.ts";

/** A backend of this host, for callers at every level. */
function addBackend({ call }: Pick<RunningCentral, "call">, port: number): Promise<unknown> {
  return call("POST", "/api/v1/backends", {
    name: "oap",
    targets: [`127.0.0.1:${port}`],
    levels: [...LEVELS],
  });
}

/** Programs that report at once. */
const LANES = ["a", "b", "c", "d"];

interface ListedReceiver {
  readonly kind: string;
  readonly level: Level;
}

interface ListedEdge {
  readonly edge: {
    readonly losses: readonly unknown[];
    readonly places: readonly { readonly name: string }[];
  } | null;
}

const traces = ({ arrived }: TelemetryBackend): readonly unknown[] =>
  arrived.map(({ message }) => message["traceId"]);

describe("the edge between real processes", { concurrency: 2 }, () => {
  it("SWP-8: at every level a program that can do no TLS reaches a backend behind central, and its link is listed", () =>
    withEveryLevel(async (central) => {
      await using backend = await startTelemetryBackend();
      await addBackend(central, backend.port);
      const reached = LEVELS.map(async (level) => {
        await using agent = await runEdge(await joinEdge(central, level));
        await using program = segmentClient(agent.address);
        assert.equal(await program.collect([level, `${level} too`]), undefined);
        await backend.waitFor(({ message }) => message["traceId"] === `${level} too`);
        const own = traces(backend).filter((trace) => String(trace).startsWith(`${level} `));
        assert.ok(traces(backend).includes(level) && own.length === 1);
        assert.deepEqual((await agent.status()).onward, [
          { name: "central", state: "ready", error: null, code: null },
        ]);
        const { items } = await central.call<Items<ListedReceiver>>(
          "GET",
          "/api/v1/links?kind=receiver",
        );
        assert.ok(items.some((link) => link.kind === "receiver" && link.level === level));
      });
      await Promise.all(reached);
      assert.equal(backend.arrived[0]?.message["service"], "demo");
    }));

  it("SWP-9: an agent that is killed while central is away loses nothing that it acknowledged (promise 3)", () =>
    withCentral(async (central) => {
      await using backend = await startTelemetryBackend();
      await addBackend(central, backend.port);
      const data = await joinEdge(central, "mtls");
      await central.process.kill("SIGTERM");
      const acknowledged = await collectUntilKilled(data);
      assert.ok(acknowledged.length >= 20);

      await using again = launchCentral(central.dataDir, {
        agents: central.agentsPort,
        console: central.consolePort,
      });
      await describeCentral(again, central.dataDir, central.folder);
      await using agent = await runEdge(data);
      await until(async () => ((await agent.status()).store.calls === 0 ? true : undefined));
      const came = new Set(traces(backend));
      const known = new Set<unknown>(acknowledged);
      assert.deepEqual(
        acknowledged.filter((trace) => !came.has(trace)),
        [],
      );
      // In their order each; what was being answered when it was killed may have come as well.
      for (const lane of LANES) {
        const of = (all: readonly unknown[]): unknown[] =>
          all.filter((trace) => String(trace).startsWith(`${lane}-`) && known.has(trace));
        assert.deepEqual(of(traces(backend)), of(acknowledged));
      }
      assert.deepEqual((await agent.status()).store.losses, []);
      // It told central of its edge with its first message.
      const { items } = await central.call<Items<ListedEdge>>("GET", "/api/v1/agents");
      assert.deepEqual(
        items.map(({ edge }) => [edge?.losses, edge?.places.map(({ name }) => name)]),
        [[[], ["central"]]],
      );

      await using program = segmentClient(agent.address);
      assert.equal((await program.ask())?.code, 12);
      await using shown = launchTautline(["agent", "status", "--data", data]);
      await shown.exited;
      assert.match(shown.stdout, /^edge +at 127\.0\.0\.1:\d+: \d+ connections, \d+ calls/m);
      assert.match(shown.stdout, /^edge to +central ready$/m);
      assert.match(
        shown.stdout,
        /^edge keeps +0 calls in 0 bytes; 0 were kept since the start, \d+ delivered$/m,
      );
    }));

  it("SW-8: without a join, told by SkyWalking's own variables, 'agent run' is an edge to a receiver that is not ours, and refuses half of them", () =>
    withTempFolder(async (folder) => {
      await using receiver = await startTelemetryBackend();
      writeFileSync(join(folder, "agent.yaml"), `edge: { listen: "127.0.0.1:0", plaintext: true }`);
      const env = { SW_AGENT_COLLECTOR_BACKEND_SERVICES: `127.0.0.1:${receiver.port}` };
      {
        await using agent = await runEdge(folder, env);
        await using program = segmentClient(agent.address);
        assert.equal(await program.collect(["t1"]), undefined);
        assert.deepEqual(traces(receiver), ["t1"]);
        await using shown = launchTautline(["agent", "status", "--data", folder]);
        await shown.exited;
        assert.match(shown.stdout, /^state +edge$/m);
      }
      const half = { ...env, SW_AGENT_SSL_KEY_PATH: "/etc/key.pem" };
      await using refused = launchTautline(["agent", "run", "--data", folder], { env: half });
      assert.equal((await refused.exited).code, 1);
      assert.match(refused.stderr, /agent\.edge_variable: .*SW_AGENT_SSL_KEY_PATH/);
      assert.match(refused.stderr, /What to do: /);
    }));
});

/** Reports one segment after the other, several at once, and kills the agent in the middle of it. */
async function collectUntilKilled(data: string): Promise<string[]> {
  await using agent = await runEdge(data);
  await using program = segmentClient(agent.address);
  const refused = await program.ask();
  assert.equal(refused?.code, 14);
  const acknowledged: string[] = [];
  const reporting = LANES.map(async (lane) => {
    for (let number = 0; ; number += 1) {
      const trace = `${lane}-${number}`;
      const error = await program.collect([trace]);
      if (error !== undefined) return;
      acknowledged.push(trace);
      if (acknowledged.length === 40) void agent.process.kill("SIGKILL");
    }
  });
  await Promise.all(reporting);
  return acknowledged;
}
