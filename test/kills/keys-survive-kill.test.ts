import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import { describeCentral, type RunningCentral } from "../running-central.ts";
import { callsDuring, outcomeOf, spoken, strikeUntil, traceRunning } from "./killable.ts";

const POINTS = 8;
const SEED = "keys";
const STEPS = ["install", "use", "remove"] as const;

interface KeyPage {
  readonly versions: readonly { readonly version: number; readonly state: string }[];
}

describe("kill -9 during the rotation of a key (F1)", () => {
  it(`of central at ${POINTS} points: the key stands behind the last acknowledged step or the next, and the trail is whole`, async () => {
    await withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      const ports = ["--host", "127.0.0.1", "--agents-port", "0", "--console-port", "0"];
      const run = ["central", "run", "--json", "--data", dataDir, ...ports];
      const calls = await untroubledCalls({ run, dataDir, folder });
      await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point, round) => {
        const name = `round-${round}`;
        let reached = 0;
        await using doomed = launchTautline(run);
        const central = await describeCentral(doomed, dataDir, folder);
        await makeKey(central, name);
        const writeInto = join(folder, `${name}.calls`);
        await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
        const died = doomed.exited.then(() => true);
        const rotated = rotate(central, name, () => void (reached += 1)).then(() => false);
        const struck = await Promise.race([rotated.catch(() => died), died]);
        await doomed.kill("SIGKILL");

        await using restarted = launchTautline(run);
        const again = await describeCentral(restarted, dataDir, folder);
        const kept = shapeOf(await again.call<KeyPage>("GET", `/api/v1/keys/${name}`));
        const allowed = SHAPES.slice(reached, reached + 2);
        assert.ok(allowed.includes(kept), `${spoken(point)}, after ${reached} steps: ${kept}`);
        assert.equal((await again.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
        await restarted.kill("SIGTERM");
        return outcomeOf(struck, writeInto);
      });
    });
  });
});

/** After so many steps. */
const SHAPES = ["1 current", "1 current, 2 next", "1 previous, 2 current", "2 current"];

function shapeOf({ versions }: KeyPage): string {
  return versions.map(({ version, state }) => `${version} ${state}`).join(", ");
}

async function makeKey(central: RunningCentral, name: string): Promise<void> {
  await central.call("POST", "/api/v1/keys", { name });
}

async function rotate(
  central: RunningCentral,
  name: string,
  onStep: () => void = () => undefined,
): Promise<void> {
  for (const step of STEPS) {
    await central.call("POST", `/api/v1/keys/${name}/${step}`, {});
    onStep();
  }
}

async function untroubledCalls({
  run,
  dataDir,
  folder,
}: {
  readonly run: readonly string[];
  readonly dataDir: string;
  readonly folder: string;
}): Promise<string[]> {
  await using counted = launchTautline(run);
  const central = await describeCentral(counted, dataDir, folder);
  await makeKey(central, "counted");
  const calls = await callsDuring(counted, join(folder, "calls"), () => rotate(central, "counted"));
  await counted.kill("SIGTERM");
  return calls;
}
