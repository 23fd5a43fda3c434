import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, type LaunchedProcess, withTempFolder } from "@tautline/testing";
import {
  callSocket,
  describeCentral,
  type Items,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { until } from "../until.ts";
import { callsDuring, outcomeOf, spoken, strikeUntil, traceRunning } from "./killable.ts";

const POINTS = 25;
const SEED = "settings";
const KEY = "agents.labels.round";

interface AgentPage {
  readonly settings: { readonly hash: string | null; readonly status: string };
}

interface LocalStatus {
  readonly id: string;
  readonly settings: {
    readonly hash: string | null;
    readonly seq: string;
    readonly values: { readonly labels: Record<string, string> };
  };
}

describe("kill -9 during a change of settings (F1)", () => {
  it(`of the agent at ${POINTS} points: it keeps the old settings or the new, ends with the new, and takes no number twice`, async () => {
    await withCentral(async (central) => {
      const agent = await joinAgent(central);
      const calls = await agentCalls(central, agent);
      await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point, round) => {
        const before = await localStatus(agent);
        await using doomed = launchTautline(agent.run);
        await connected(doomed);
        const reported = await reportedHash(central, agent);
        const writeInto = join(central.folder, `${round}.calls`);
        await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
        // Only central is asked meanwhile: asking the agent would add to its calls.
        const isDone = async () =>
          (await reportedHash(central, agent)) === reported ? undefined : true;
        const struck = await changeUntilKilled(central, { round, doomed, isDone });

        const crashed = await localStatus(agent);
        const kept = roundOf(crashed);
        const allowed = [roundOf(before), String(round)];
        assert.ok(
          allowed.includes(kept),
          `${spoken(point)}: the agent keeps ${kept}, neither of ${allowed.join(" and ")}`,
        );
        assert.ok(
          BigInt(crashed.settings.seq) >= BigInt(before.settings.seq),
          `${spoken(point)}: a number came back`,
        );

        await setRound(central, round);
        await using restarted = launchTautline(agent.run);
        await until(() => appliedRound(central, agent, String(round)), signalOf(restarted));
        await restarted.kill("SIGTERM");
        assert.ok(BigInt((await localStatus(agent)).settings.seq) >= BigInt(crashed.settings.seq));
        return outcomeOf(struck, writeInto);
      });
    });
  });

  it(`of central at ${POINTS} points: it keeps the old value or the new, and the agent ends with what it keeps`, async () => {
    await withTempFolder(async (folder) => {
      const { agent, runCentral, dataDir } = await prepareFleet(folder);
      const calls = await centralCalls({ agent, runCentral, dataDir, folder });
      let before = "counted";
      await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point, round) => {
        await using doomed = launchTautline(runCentral);
        const central = await describeCentral(doomed, dataDir, folder);
        // A fresh one each time: an agent whose central keeps dying waits longer and longer.
        await using running = launchTautline(agent.run);
        await connected(running);
        const writeInto = join(folder, `${round}.calls`);
        await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
        // Only the agent is asked meanwhile: asking central would add to its calls.
        const isDone = async () => ((await liveRound(agent)) === String(round) ? true : undefined);
        const struck = await changeUntilKilled(central, { round, doomed, isDone });

        await using restarted = launchTautline(runCentral);
        const again = await describeCentral(restarted, dataDir, folder);
        const kept = await keptRound(again);
        const allowed = [before, String(round)];
        assert.ok(
          allowed.includes(kept),
          `${spoken(point)}: central keeps ${kept}, neither of ${allowed.join(" and ")}`,
        );
        await until(() => appliedRound(again, agent, kept), signalOf(running));
        assert.equal((await again.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
        await running.kill("SIGTERM");
        await restarted.kill("SIGTERM");
        before = kept;
        return outcomeOf(struck, writeInto);
      });
    });
  });
});

interface JoinedAgent {
  readonly id: string;
  readonly data: string;
  /** The command line that runs it. */
  readonly run: readonly string[];
}

async function joinAgent(central: RunningCentral): Promise<JoinedAgent> {
  const data = join(central.folder, "agent");
  await using joining = launchTautline(["agent", "join", "--json", "--data", data], {
    env: { TAUTLINE_TOKEN: await central.token() },
  });
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const { id } = JSON.parse(joining.stdout) as { id: string };
  return { id, data, run: ["agent", "run", "--json", "--data", data] };
}

/** A central that was stopped again, with one joined agent that does not run. */
async function prepareFleet(folder: string) {
  const dataDir = join(folder, "central");
  const flags = ["central", "run", "--json", "--data", dataDir, "--host", "127.0.0.1"];
  await using first = launchTautline([...flags, "--agents-port", "0", "--console-port", "0"]);
  const central = await describeCentral(first, dataDir, folder);
  const agent = await joinAgent(central);
  await first.kill("SIGTERM");
  const ports = [
    "--agents-port",
    String(central.agentsPort),
    "--console-port",
    String(central.consolePort),
  ];
  return { agent, dataDir, runCentral: [...flags, ...ports] };
}

interface Change {
  readonly round: number;
  readonly doomed: LaunchedProcess;
  readonly isDone: () => Promise<true | undefined>;
}

/** Sets the round's value and waits until it is in force or the doomed process dies; tells whether it died. */
async function changeUntilKilled(
  central: RunningCentral,
  { round, doomed, isDone }: Change,
): Promise<boolean> {
  const change = async (): Promise<boolean> => {
    await setRound(central, round);
    await until(isDone, signalOf(doomed));
    return false;
  };
  const died = doomed.exited.then(() => true);
  // A central that dies refuses its callers: that is the death, not a failure of the test.
  const struck = await Promise.race([change().catch(() => died), died]);
  await doomed.kill("SIGKILL");
  return struck;
}

async function agentCalls(central: RunningCentral, agent: JoinedAgent): Promise<string[]> {
  await using counted = launchTautline(agent.run);
  await connected(counted);
  const reported = await reportedHash(central, agent);
  const calls = await callsDuring(counted, join(central.folder, "agent.calls"), async () => {
    await setRound(central, "counted");
    const isReported = async () =>
      (await reportedHash(central, agent)) === reported ? undefined : true;
    await until(isReported, signalOf(counted));
  });
  await counted.kill("SIGTERM");
  return calls;
}

async function centralCalls(fleet: {
  agent: JoinedAgent;
  runCentral: readonly string[];
  dataDir: string;
  folder: string;
}): Promise<string[]> {
  await using counted = launchTautline(fleet.runCentral);
  const central = await describeCentral(counted, fleet.dataDir, fleet.folder);
  await using running = launchTautline(fleet.agent.run);
  await connected(running);
  const calls = await callsDuring(counted, join(fleet.folder, "central.calls"), async () => {
    await setRound(central, "counted");
    await until(
      async () => ((await liveRound(fleet.agent)) === "counted" ? true : undefined),
      AbortSignal.any([signalOf(counted), signalOf(running)]),
    );
  });
  await counted.kill("SIGTERM");
  return calls;
}

function connected(agent: LaunchedProcess): Promise<unknown> {
  return agent.waitForEvent((event) => event["event"] === "connected");
}

async function setRound(central: RunningCentral, round: number | string): Promise<void> {
  await central.call("PUT", "/api/v1/settings", { key: KEY, value: String(round) });
}

async function keptRound(central: RunningCentral): Promise<string> {
  const { items } = await central.call<Items<{ key: string; value: string }>>(
    "GET",
    "/api/v1/settings",
  );
  return items.find(({ key }) => key === KEY)?.value ?? "none";
}

/** True once the agent runs the round's value and central has recorded that it does; undefined before. */
async function appliedRound(
  central: RunningCentral,
  agent: JoinedAgent,
  round: string,
): Promise<true | undefined> {
  if ((await liveRound(agent)) !== round) return undefined;
  const local = await liveStatus(agent);
  return (await reportedHash(central, agent)) === local?.settings.hash ? true : undefined;
}

/** The hash of the settings that the agent last reported as applied, as central has recorded it. */
async function reportedHash(central: RunningCentral, agent: JoinedAgent): Promise<string | null> {
  const { settings } = await central.call<AgentPage>("GET", `/api/v1/agents/${agent.id}`);
  return settings.status === "applied" ? settings.hash : null;
}

async function liveRound(agent: JoinedAgent): Promise<string> {
  const status = await liveStatus(agent);
  return status === undefined ? "not running" : roundOf(status);
}

/** Asks the running agent; undefined while it does not listen. */
async function liveStatus(agent: JoinedAgent): Promise<LocalStatus | undefined> {
  return callSocket<LocalStatus>(join(agent.data, "agent.sock"), {
    method: "GET",
    path: "/status",
  }).catch(() => undefined);
}

/** Reads what the agent keeps on disk while it does not run. */
async function localStatus(agent: JoinedAgent): Promise<LocalStatus> {
  await using status = launchTautline(["agent", "status", "--json", "--data", agent.data]);
  assert.equal((await status.exited).code, 0, status.stderr);
  return JSON.parse(status.stdout) as LocalStatus;
}

function roundOf(status: LocalStatus): string {
  return status.settings.values.labels["round"] ?? "none";
}

/** Aborted when the process ends, so that nothing waits for a dead one. */
function signalOf(process: LaunchedProcess): AbortSignal {
  const abort = new AbortController();
  void process.exited.then(() => abort.abort());
  return abort.signal;
}
