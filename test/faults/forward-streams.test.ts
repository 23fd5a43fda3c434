import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Level } from "@tautline/protocol";
import type { LaunchedProcess } from "@tautline/testing";
import { allow, dial, type Forwarding, launchForwarding, statusOf } from "../running-forwards.ts";
import { until } from "../until.ts";
import { type EveryLevel, readPage, withEveryLevel } from "./every-level.ts";
import { heldMemory, TELLS_MEMORY } from "./held-memory.ts";
import { runWild, startWildTarget } from "./wild-streams.ts";

/** Of one crowd, at one level; `TAUTLINE_CROWD_LEVEL=mtls` and each other one were tried too, and take their time for handshakes. */
const STREAMS = Number(process.env["TAUTLINE_CROWD"] ?? 2_000);
const LEVEL = (process.env["TAUTLINE_CROWD_LEVEL"] ?? "plaintext") as Level;
/** As many as fill the spare links of the agent's pool. */
const WARMING = 100;
/** What a process may hold more when the crowd has gone; while it is there, each end holds more than twice as much. */
const MOST_KEPT_MIB = 8;

interface Held {
  readonly descriptors: number;
  readonly residentMiB: number;
  readonly heldMiB: number;
}

async function heldBy(daemon: LaunchedProcess): Promise<Held> {
  const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
  const residentMiB = Math.round(Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024);
  const descriptors = descriptorsOf(daemon);
  const heldMiB = Number(((await heldMemory(daemon)) / 1024 / 1024).toFixed(1));
  return { descriptors, residentMiB, heldMiB };
}

function descriptorsOf({ pid }: LaunchedProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

describe("forwards under a crowd", () => {
  it(`F14: of ${STREAMS} streams at once at ${LEVEL} that end in every manner no byte is lost, and nothing of them stays`, (t) =>
    withEveryLevel(
      async (central) => {
        await using target = await startWildTarget();
        await allow(central, "wild", target.port);
        const agentChange = { each: "maxStreams: 4096", env: TELLS_MEMORY };
        await using agent = await launchForwarding(central, LEVEL, ["wild"], agentChange);
        const port = agent.port("wild");
        (await dial(port)).destroy();
        const look = async (): Promise<Both> => ({
          central: await heldBy(central.process),
          agent: await heldBy(agent.process),
        });
        const orderly = { manners: ["half-close"] } as const;
        await runWild(port, target, { streams: WARMING, seed: "warming", ...orderly });
        await until(async () => ((await carried(central)) === 0 ? true : undefined), t.signal);
        const [before, earlier] = [await look(), await outcomes(central)];
        const startedMs = performance.now();
        let during = before;
        const result = await runWild(port, target, {
          streams: STREAMS,
          seed: "the crowd",
          whenOpen: async () => {
            assert.equal(await carried(central), STREAMS);
            during = await look();
          },
        });
        const tookMs = Math.round(performance.now() - startedMs);
        await until(async () => (isBack(central, agent, before) ? true : undefined), t.signal);
        const after = await look();
        t.diagnostic(JSON.stringify({ tookMs, result, before, during, after }));
        const now = await outcomes(central);
        const ended = { clean: now.clean - earlier.clean, broken: now.broken - earlier.broken };
        assert.equal(ended.clean + ended.broken, STREAMS);
        assert.ok(ended.clean >= result.clean && ended.broken >= result.broken);
        const [counted] = (await statusOf(agent)).forwards;
        assert.deepEqual([counted?.open, counted?.refused], [0, 0]);
        assert.equal(counted?.cut, now.broken, "central and agent tell of different ends");
        for (const who of ["central", "agent"] as const) {
          const [least, most] = [before, during].map((held) => held[who].heldMiB);
          const kept = after[who].heldMiB - (least ?? 0);
          assert.ok(
            (most ?? 0) - (least ?? 0) > MOST_KEPT_MIB,
            `${who} does not tell what it holds`,
          );
          assert.ok(kept < MOST_KEPT_MIB, `${who} keeps ${kept} MiB of streams that have ended`);
        }
      },
      { env: TELLS_MEMORY },
    ));
});

type Both = Readonly<Record<"central" | "agent", Held>>;

function isBack(central: EveryLevel, agent: Forwarding, before: Both): boolean {
  return (
    descriptorsOf(central.process) <= before.central.descriptors &&
    descriptorsOf(agent.process) <= before.agent.descriptors
  );
}

/** How many streams central carries now. */
async function carried(central: EveryLevel): Promise<number> {
  const page = await readPage(central, "/metrics");
  const lines = page.matchAll(/^tautline_forward_streams\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** How many streams ended in which way so far. */
async function outcomes(central: EveryLevel): Promise<Record<"clean" | "broken", number>> {
  const page = await readPage(central, "/metrics");
  const of = (outcome: string): number =>
    Number(new RegExp(`_streams_total\\{outcome="${outcome}"\\} (\\d+)`).exec(page)?.[1] ?? 0);
  return { clean: of("clean"), broken: of("broken") };
}
