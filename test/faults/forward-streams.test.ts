import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { allow, dial, launchForwarding, statusOf } from "../running-forwards.ts";
import { until } from "../until.ts";
import { type EveryLevel, readPage, withEveryLevel } from "./every-level.ts";
import { runWild, startWildTarget } from "./wild-streams.ts";

/** Of one crowd; 2,000 of them were tried by `TAUTLINE_CROWD=2000`, which takes its time. */
const STREAMS = Number(process.env["TAUTLINE_CROWD"] ?? 500);
/** As many as fill the spare links of the agent's pool. */
const WARMING = 100;
/** What a process may hold more after the second crowd than after the first: a heap that has grown once does not grow again. */
const MOST_KEPT_MIB = 64;

interface Held {
  readonly descriptors: number;
  readonly residentMiB: number;
}

function heldBy(pid: number): Held {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const residentMiB = Math.round(Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, residentMiB };
}

describe("forwards under a crowd", () => {
  it(`F14: of ${STREAMS} streams at once that end in every manner no byte is lost, and nothing of them stays`, (t) =>
    withEveryLevel(async (central) => {
      await using target = await startWildTarget();
      await allow(central, "wild", target.port);
      const each = "maxStreams: 4096";
      // Handshakes are what is left out: what carries streams is the same at every level.
      await using agent = await launchForwarding(central, "plaintext", ["wild"], { each });
      const port = agent.port("wild");
      (await dial(port)).destroy();
      const look = () => ({
        central: heldBy(central.pid),
        agent: heldBy(agent.process.pid ?? 0),
      });
      const orderly = { manners: ["half-close"] } as const;
      await runWild(port, target, { streams: WARMING, seed: "warming", ...orderly });
      await until(async () => ((await carried(central)) === 0 ? true : undefined), t.signal);
      const before = look();
      const rounds: Both[] = [];
      for (const seed of ["the first crowd", "the second crowd"]) {
        const earlier = await outcomes(central);
        const startedMs = performance.now();
        let during = before;
        const result = await runWild(port, target, {
          streams: STREAMS,
          seed,
          whenOpen: async () => {
            assert.equal(await carried(central), STREAMS);
            during = look();
          },
        });
        const tookMs = Math.round(performance.now() - startedMs);
        await until(async () => (isBack(look(), before) ? true : undefined), t.signal);
        const after = look();
        rounds.push(after);
        t.diagnostic(JSON.stringify({ seed, tookMs, result, before, during, after }));
        const now = await outcomes(central);
        const ended = { clean: now.clean - earlier.clean, broken: now.broken - earlier.broken };
        assert.equal(ended.clean + ended.broken, STREAMS);
        assert.ok(ended.clean >= result.clean && ended.broken >= result.broken);
        const [counted] = (await statusOf(agent)).forwards;
        assert.deepEqual([counted?.open, counted?.refused], [0, 0]);
        assert.equal(counted?.cut, now.broken, "central and agent tell of different ends");
      }
      for (const who of ["central", "agent"] as const) {
        const [first, second] = rounds.map((held) => held[who].residentMiB);
        assert.ok((second ?? 0) - (first ?? 0) < MOST_KEPT_MIB, `${who} keeps memory`);
      }
    }));
});

type Both = Readonly<Record<"central" | "agent", Held>>;

function isBack(now: Both, before: Both): boolean {
  return (["central", "agent"] as const).every(
    (who) => now[who].descriptors <= before[who].descriptors,
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
