/*
 * The store of an edge under what happens to hosts: an outage that is longer than its room, a disk that is full, and kill -9 in either.
 * The agent is told by SW_AGENT_* alone, so that nothing but the edge and its receiver takes part.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { segmentClient } from "../interop/telemetry/segment-client.ts";
import {
  startTelemetryBackend,
  type TelemetryBackend,
} from "../interop/telemetry/telemetry-backend.ts";
import { type EdgeAgent, runEdge } from "../running-edge.ts";
import { until } from "../until.ts";

interface Scene {
  readonly folder: string;
  /** Where the receiver is, once it is started. */
  readonly port: number;
  readonly run: () => Promise<EdgeAgent>;
}

/** A host whose receiver is away. */
async function withScene(store: string, use: (scene: Scene) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const probe = await startTelemetryBackend();
    const { port } = probe;
    await probe[Symbol.asyncDispose]();
    const yaml = `edge: { listen: "127.0.0.1:0", plaintext: true, store: ${store} }`;
    writeFileSync(join(folder, "agent.yaml"), yaml);
    const env = { SW_AGENT_COLLECTOR_BACKEND_SERVICES: `127.0.0.1:${port}` };
    await use({ folder, port, run: () => runEdge(folder, env) });
  });
}

/** Reports one segment after the other until one is refused; gives those that were acknowledged. */
async function collectUntilRefused(
  { address }: EdgeAgent,
  lane: string,
  then: (number: number) => void = () => {},
): Promise<{ readonly acknowledged: readonly string[]; readonly code: number }> {
  await using program = segmentClient(address);
  const acknowledged: string[] = [];
  for (let number = 0; ; number += 1) {
    const trace = `${lane}-${number}`;
    const error = await program.collect([trace]);
    if (error !== undefined) return { acknowledged, code: error.code };
    acknowledged.push(trace);
    then(number);
  }
}

const traces = ({ arrived }: TelemetryBackend): readonly unknown[] =>
  arrived.map(({ message }) => message["traceId"]);

const untilSent = (agent: EdgeAgent): Promise<true> =>
  until(async () => ((await agent.status()).store.calls === 0 ? true : undefined));

const keptFiles = (folder: string): string[] =>
  readdirSync(join(folder, "edge")).filter((name) => name.startsWith("calls-"));

/** Takes all the room there is. */
function fill(file: string): void {
  for (const block of [Buffer.alloc(65_536), Buffer.alloc(512)]) {
    for (;;) {
      try {
        writeFileSync(file, block, { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOSPC") break;
        throw error;
      }
    }
  }
}

describe("the store of an edge (SWP-9, promise 3)", { concurrency: 2 }, () => {
  it("F5: an outage longer than its room, and kill -9: what was acknowledged comes once and in order, the rest was refused and is counted", () =>
    withScene("{ maxBytes: 20000 }", async ({ port, run }) => {
      const acknowledged: string[] = [];
      {
        await using agent = await run();
        const first = await collectUntilRefused(agent, "a");
        assert.equal(first.code, 14);
        assert.ok(first.acknowledged.length > 10);
        acknowledged.push(...first.acknowledged);
        assert.deepEqual((await agent.status()).store.losses, [
          { client: clientIn(await agent.status()), reason: "full", calls: 1 },
        ]);
        await agent.process.kill("SIGKILL");
      }
      await using agent = await run();
      const { store } = await agent.status();
      assert.equal(store.calls, acknowledged.length);
      assert.equal(store.losses.length, 1);
      assert.equal((await collectUntilRefused(agent, "b")).acknowledged.length, 0);
      await using backend = await startTelemetryBackend(port);
      await untilSent(agent);
      assert.deepEqual(traces(backend), acknowledged);
      await using program = segmentClient(agent.address);
      assert.equal(await program.collect(["after"]), undefined);
      assert.equal(traces(backend).at(-1), "after");
    }));

  const isRoot = process.geteuid?.() === 0;
  const skip = isRoot ? false : "mounting a small file system takes root";
  it(
    "F11: a disk that is full, and kill -9: what was acknowledged comes once and in order, and makes room without a word written",
    { skip },
    () =>
      withScene("{ maxBytes: 60000000 }", async ({ folder, port, run }) => {
        const disk = join(folder, "edge");
        mkdirSync(disk, { mode: 0o700 });
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
        try {
          const ballast = join(disk, "ballast");
          let acknowledged: readonly string[];
          {
            await using agent = await run();
            const before = await collectUntilRefused(agent, "a", (number) => {
              if (number === 20) fill(ballast);
            });
            assert.equal(before.code, 14);
            ({ acknowledged } = before);
            assert.ok(acknowledged.length > 20);
            const [loss] = (await agent.status()).store.losses;
            assert.equal((loss as { reason: string } | undefined)?.reason, "disk");
            assert.match(agent.process.stderr, /agent\.edge_store_failed/);
            await agent.process.kill("SIGKILL");
          }
          {
            // It begins again, and sends, on a disk that takes nothing.
            await using agent = await run();
            assert.equal((await agent.status()).store.calls, acknowledged.length);
            await using backend = await startTelemetryBackend(port);
            await untilSent(agent);
            assert.deepEqual(traces(backend), acknowledged);
            assert.deepEqual(keptFiles(folder), []);
            await agent.process.kill("SIGKILL");
          }
          rmSync(ballast);
          await using agent = await run();
          assert.ok((await collectUntilKept(agent)).startsWith("later"));
          await using backend = await startTelemetryBackend(port);
          await untilSent(agent);
          assert.deepEqual(traces(backend), ["later"]);
        } finally {
          execFileSync("umount", ["-l", disk]);
        }
      }),
  );
});

function clientIn({ store }: { readonly store: { readonly losses: readonly unknown[] } }): string {
  const [loss] = store.losses as readonly { readonly client: string }[];
  return loss?.client ?? "";
}

async function collectUntilKept({ address }: EdgeAgent): Promise<string> {
  await using program = segmentClient(address);
  assert.equal(await program.collect(["later"]), undefined);
  return "later";
}
