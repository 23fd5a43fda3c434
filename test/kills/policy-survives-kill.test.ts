import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import { describeCentral, type Items, type RunningCentral } from "../running-central.ts";
import { until } from "../until.ts";
import { callsDuring, outcomeOf, spoken, strikeUntil, traceRunning } from "./killable.ts";

const POINTS = 3;
const SEED = "policy";
const ORDER = { floor: "mtls", windowMs: 1_000 };
const ALL = ["plaintext", "basic", "advanced", "tls", "mtls"];

interface Change {
  readonly id: number;
  readonly step: string;
}

interface Policy {
  readonly accept: readonly string[];
}

describe("kill -9 during a change of policy (F1)", () => {
  it(`of central at ${POINTS} points: it ends in the old policy or the new one, and the trail is whole`, async () => {
    await withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      const ports = ["--host", "127.0.0.1", "--agents-port", "0", "--console-port", "0"];
      const run = ["central", "run", "--json", "--data", dataDir, ...ports];
      await using counted = launchTautline(run);
      const first = await describeCentral(counted, dataDir, folder);
      const calls = await callsDuring(counted, join(folder, "calls"), () => thereAndBack(first));
      await counted.kill("SIGTERM");
      await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point, round) => {
        await using doomed = launchTautline(run);
        const central = await describeCentral(doomed, dataDir, folder);
        const writeInto = join(folder, `round-${round}.calls`);
        await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
        const died = doomed.exited.then(() => true);
        const gone = thereAndBack(central).then(() => false);
        const struck = await Promise.race([gone.catch(() => died), died]);
        await doomed.kill("SIGKILL");

        await using restarted = launchTautline(run);
        const again = await describeCentral(restarted, dataDir, folder);
        const newest = await overAt(again);
        const expected = newest?.step === "done" ? ["mtls"] : ALL;
        assert.deepEqual(await acceptedBy(again), expected, `${spoken(point)}: ${newest?.step}`);
        if (newest?.step === "done") await back(again);
        assert.deepEqual(await acceptedBy(again), ALL);
        assert.equal((await again.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
        await restarted.kill("SIGTERM");
        return outcomeOf(struck, writeInto);
      });
    });
  });
});

/** The newest change, once it is over; undefined where there is none. */
function overAt(central: RunningCentral): Promise<Change | undefined> {
  return until(async () => {
    const { items } = await central.call<Items<Change>>("GET", "/api/v1/policy/changes");
    const [newest] = items;
    if (newest === undefined) return { id: 0, step: "none" };
    return ["done", "undone"].includes(newest.step) ? newest : undefined;
  });
}

async function thereAndBack(central: RunningCentral): Promise<void> {
  await central.call("POST", "/api/v1/policy/apply", ORDER);
  await overAt(central);
  await back(central);
}

async function back(central: RunningCentral): Promise<void> {
  await central.call("POST", "/api/v1/policy/undo", {});
  await overAt(central);
}

async function acceptedBy(central: RunningCentral): Promise<readonly string[]> {
  const { items } = await central.call<Items<Policy>>("GET", "/api/v1/policy");
  assert.deepEqual(items[0]?.accept, items[1]?.accept);
  return items[0]?.accept ?? [];
}
