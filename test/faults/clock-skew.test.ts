/**
 * Clocks a month wrong on either end, by libfaketime: a real agent and a swarm that joined before dial a real central. What is
 * wrong is named on the agent's side with both times, nobody joins again, and the waits between dials grow as ever.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import {
  type CentralPorts,
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { endSwarm, launchSwarm, untilLinked } from "../running-swarm.ts";
import { until } from "../until.ts";
import { shiftedClock } from "./faked-time.ts";

const AGENTS = 20;
/** So many dials of the real agent are waited for: its waits grow by half each time. */
const DIALS = 4;
/** Half a wait at the least and one and a half at the most: no agent dials more often than thrice as often as another. */
const SPREAD = 3;

const NAMED = { ahead: "pki.chain_expired", behind: "pki.chain_not_yet_valid" };
const SIDES: [what: string, agents: string, central: string, cause: string][] = [
  ["agents 30 days ahead", "+30d", "+0d", NAMED.ahead],
  ["agents 30 days behind", "-30d", "+0d", NAMED.behind],
  ["central 30 days ahead", "+0d", "+30d", NAMED.behind],
];

test("F8: clocks a month apart are named, and cause no storm of joins", async (t) => {
  await withTempFolder(async (folder) => {
    const fleet = await prepareFleet(folder);
    for (const [what, agents, central, cause] of SIDES) {
      await t.test(what, () => tryApart(fleet, { agents, central, cause }));
    }
    await t.test("central 30 days behind starts not at all, and says why", async () => {
      const env = shiftedClock("-30d");
      await using process = launchCentral(fleet.dataDir, fleet.ports, { env });
      assert.equal((await process.exited).code, 1);
      const problem = JSON.parse(process.stderr) as { code: string; remedy: string };
      assert.equal(problem.code, "central.clock_behind");
      assert.match(problem.remedy, /clock/);
    });
    await t.test("with the clocks set right all are back by themselves", async () => {
      await using process = launchCentral(fleet.dataDir, fleet.ports);
      const central = await describeCentral(process, fleet.dataDir, folder);
      await using swarm = await launchSwarm(central, fleet.swarm);
      await using _agent = launchTautline(["agent", "run", "--json", "--data", fleet.agent]);
      await untilLinked(central, AGENTS + 1);
      assert.equal((await endSwarm(swarm)).agents.joined, AGENTS);
      await process.kill("SIGTERM");
    });
  });
});

interface Fleet {
  readonly folder: string;
  readonly dataDir: string;
  readonly ports: CentralPorts;
  /** Data folder of a real agent that has joined. */
  readonly agent: string;
  readonly swarm: { readonly agents: number; readonly interval: string; readonly flags: string[] };
}

async function prepareFleet(folder: string): Promise<Fleet> {
  const [dataDir, agent] = [join(folder, "central"), join(folder, "agent")];
  const swarm = { agents: AGENTS, interval: "1s", flags: ["--state", join(folder, "swarm")] };
  await using process = launchCentral(dataDir);
  const central = await describeCentral(process, dataDir, folder);
  const env = { TAUTLINE_TOKEN: await central.token() };
  await using joining = launchTautline(["agent", "join", "--json", "--data", agent], { env });
  assert.equal((await joining.exited).code, 0, joining.stderr);
  await using running = await launchSwarm(central, swarm);
  await untilLinked(central, AGENTS);
  assert.equal((await endSwarm(running)).agents.joined, AGENTS);
  const ports = { agents: central.agentsPort, console: central.consolePort };
  await process.kill("SIGTERM");
  return { folder, dataDir, ports, agent, swarm };
}

async function tryApart(
  fleet: Fleet,
  apart: { readonly agents: string; readonly central: string; readonly cause: string },
): Promise<void> {
  const { dataDir, ports, folder } = fleet;
  const env = shiftedClock(apart.agents);
  await using process = launchCentral(dataDir, ports, { env: shiftedClock(apart.central) });
  const central = await describeCentral(process, dataDir, folder);
  await using swarm = await launchSwarm(central, { ...fleet.swarm, env });
  await using agent = launchTautline(["agent", "run", "--json", "--data", fleet.agent], { env });
  await until(async () => (failuresOf(agent.stderr).length >= DIALS ? true : undefined));
  const { agents, errors, renewals } = await endSwarm(swarm);
  for (const { code, cause } of failuresOf(agent.stderr)) {
    assert.deepEqual([code, cause], ["link.central_untimely", apart.cause]);
  }
  assert.deepEqual(Object.keys(errors), ["link.central_untimely"]);
  const dials = errors["link.central_untimely"] ?? 0;
  const most = AGENTS * SPREAD * failuresOf(agent.stderr).length;
  assert.ok(dials <= most, `${dials} dials of ${AGENTS} agents, at most ${most} were to come`);
  assert.deepEqual([agents.joined, agents.lost, renewals.count], [0, 0, 0]);
  await assertNobodyJoined(central);
  await agent.kill("SIGTERM");
  await process.kill("SIGTERM");
}

async function assertNobodyJoined(central: RunningCentral): Promise<void> {
  const { items } = await central.call<Items<{ id: string }>>("GET", "/api/v1/agents");
  assert.equal(items.length, AGENTS + 1);
  const tokens = await central.call<Items<{ usesMade: number }>>("GET", "/api/v1/tokens");
  const used = tokens.items.reduce((sum, { usesMade }) => sum + usesMade, 0);
  assert.equal(used, AGENTS + 1);
}

interface Failure {
  readonly code: string;
  readonly cause: string | undefined;
}

/** What the agent's log says of failed links. */
function failuresOf(log: string): Failure[] {
  const lines = log.split("\n").filter((line) => line.startsWith("{"));
  return lines.flatMap((line) => {
    const { err } = JSON.parse(line) as { err?: { code: string; cause?: { code: string } } };
    return err === undefined ? [] : [{ code: err.code, cause: err.cause?.code }];
  });
}
