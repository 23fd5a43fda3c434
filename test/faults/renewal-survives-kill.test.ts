import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  createSeededRandom,
  type LaunchedProcess,
  launchTautline,
  withTempFolder,
} from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";
import { callsSoFar, drawKillPoints, type KillPoint, launchTraced, spoken } from "./killable.ts";

const POINTS = 15;
/** Each takes two starts of central. */
const CENTRAL_POINTS = 12;
const NEVER: KillPoint = { call: "none", ordinal: 0 };
const SEED = "renewal";
/** A few calls more or less are made from run to run, so a point near the end may come too late. */
const MOST_MISSED = 6;

interface Joined {
  readonly id: string;
  readonly data: string;
}

interface Page {
  readonly state: string;
  readonly renewal: {
    readonly number: number;
    readonly inUse: number;
  };
  readonly cloneSuspectedAt: string | null;
}

interface Certificate {
  readonly agent: string | null;
  readonly serial: string;
  readonly notAfter: string;
}

interface Entry {
  readonly action: string;
  readonly actor: string;
}

describe("kill -9 during a renewal (F1, F3)", { concurrency: true }, () => {
  it(`of the agent at ${POINTS} points: every agent is renewed, and what was issued is what is recorded`, async () => {
    await withTempFolder(async (folder) => {
      const dataDir = prepareCentral(folder);
      await using process = launchCentral(dataDir);
      const central = await describeCentral(process, dataDir, folder);
      const { calls, from } = await agentCalls(central);
      const points = drawKillPoints(calls, from, POINTS, createSeededRandom(SEED).float);
      const agents = await joinMany(central, POINTS);
      // Started one by one, because tracers that start together lose each other; they renew when they are due.
      const ends: Promise<boolean>[] = [];
      for (const [index, point] of points.entries()) {
        const agent = agents[index];
        assert.ok(agent !== undefined);
        ends.push(...(await startKilled(agent, point)));
      }
      const struck = await Promise.all(ends);
      const count = struck.filter(Boolean).length;
      assert.ok(count >= POINTS - MOST_MISSED, `only ${count} of ${POINTS} were killed`);
      await Promise.all(
        agents.map((agent, index) => finish(central, agent, spoken(points[index] ?? NEVER))),
      );
      await assertWholeRecord(central, agents);
      await process.kill("SIGTERM");
    });
  });

  it(`of central at ${CENTRAL_POINTS} points: every agent is renewed, every certificate is recorded, the trail holds`, async () => {
    await withTempFolder(async (folder) => {
      const dataDir = prepareCentral(folder);
      const { agents, ports } = await joinBefore(dataDir, folder);
      const [counted, ...others] = agents;
      assert.ok(counted !== undefined);
      const { calls, from } = await centralCalls({ dataDir, folder, ports, agent: counted });
      const points = drawKillPoints(calls, from, CENTRAL_POINTS, createSeededRandom(SEED).float);
      let struck = 0;
      for (const [index, point] of points.entries()) {
        const agent = others[index];
        assert.ok(agent !== undefined);
        await using traced = launchTraced(centralArgs(dataDir, ports), { killAt: point });
        const doomed = await describeCentral(traced, dataDir, folder);
        await using running = runAgent(agent.data);
        const renewed = running.waitForEvent((each) => each["event"] === "renewed");
        const isStruck = traced.exited.then(() => true);
        const isLate = renewed.then(() => writeOn(doomed)).then(() => false);
        struck += Number(await Promise.race([isStruck, isLate]));
        await traced.kill("SIGKILL");
        await using restarted = launchCentral(dataDir, ports);
        const central = await describeCentral(restarted, dataDir, folder);
        await renewed;
        await assertRenewed(central, agent, spoken(point));
        await running.kill("SIGKILL");
        // In good order, so that the next start makes as many calls as the one that was counted.
        await restarted.kill("SIGTERM");
      }
      assert.ok(
        struck >= CENTRAL_POINTS - MOST_MISSED,
        `only ${struck} of ${CENTRAL_POINTS} were killed`,
      );
      await using final = launchCentral(dataDir, ports);
      await assertWholeRecord(await describeCentral(final, dataDir, folder), agents);
      await final.kill("SIGTERM");
    });
  });
});

interface Ports {
  readonly agents: number;
  readonly console: number;
}

/** A data folder whose central gives agents 20 s. */
function prepareCentral(folder: string): string {
  const dataDir = join(folder, "central");
  mkdirSync(dataDir, { mode: 0o700 });
  writeFileSync(join(dataDir, "central.yaml"), "certificates: { agentLifetime: 20s }\n", {
    mode: 0o600,
  });
  return dataDir;
}

function centralArgs(dataDir: string, ports: Ports): string[] {
  const flags = ["--agents-port", String(ports.agents), "--console-port", String(ports.console)];
  return ["central", "run", "--json", "--data", dataDir, "--host", "127.0.0.1", ...flags];
}

const agentArgs = (data: string): string[] => ["agent", "run", "--json", "--data", data];
const runAgent = (data: string): LaunchedProcess => launchTautline(agentArgs(data));

async function joinMany(central: RunningCentral, count: number): Promise<Joined[]> {
  const token = await central.token({ uses: count });
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const data = join(central.folder, `agent-${index}`);
      await using joining = launchTautline(["agent", "join", token, "--json", "--data", data]);
      assert.equal((await joining.exited).code, 0, joining.stderr);
      return { id: (JSON.parse(joining.stdout) as { id: string }).id, data };
    }),
  );
}

/** Joins all agents of the second test and lets their certificates end, so that each renews as soon as it starts. */
async function joinBefore(
  dataDir: string,
  folder: string,
): Promise<{ agents: Joined[]; ports: Ports }> {
  await using first = launchCentral(dataDir);
  const central = await describeCentral(first, dataDir, folder);
  const agents = await joinMany(central, CENTRAL_POINTS + 1);
  const { items } = await central.call<Items<Certificate>>("GET", "/api/v1/certificates");
  const ends = items.flatMap(({ agent, notAfter }) =>
    agent === null ? [] : [Date.parse(notAfter)],
  );
  await until(async () => (Date.now() > Math.max(...ends) ? true : undefined));
  await first.kill("SIGTERM");
  return { agents, ports: { agents: central.agentsPort, console: central.consolePort } };
}

/** Runs one agent untroubled through its first renewal: its calls, and how many came before it began. */
async function agentCalls(central: RunningCentral): Promise<{ calls: string[]; from: number }> {
  const data = join(central.folder, "counted");
  const token = await central.token();
  await using joining = launchTautline(["agent", "join", token, "--json", "--data", data]);
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const writeInto = join(central.folder, "agent.calls");
  await using counted = launchTraced(agentArgs(data), { writeInto });
  await counted.waitForEvent((each) => each["event"] === "connected");
  const from = callsSoFar(writeInto).length;
  await counted.waitForEvent((each) => each["event"] === "renewed");
  const calls = callsSoFar(writeInto);
  await counted.kill("SIGTERM");
  return { calls, from };
}

/** Lets one agent renew untroubled and gives central's calls, and how many came before. */
async function centralCalls({
  dataDir,
  folder,
  ports,
  agent,
}: {
  readonly dataDir: string;
  readonly folder: string;
  readonly ports: Ports;
  readonly agent: Joined;
}): Promise<{ calls: string[]; from: number }> {
  const writeInto = join(folder, "central.calls");
  await using counted = launchTraced(centralArgs(dataDir, ports), { writeInto });
  await describeCentral(counted, dataDir, folder);
  const from = callsSoFar(writeInto).length;
  await using running = runAgent(agent.data);
  await running.waitForEvent((each) => each["event"] === "renewed");
  const calls = callsSoFar(writeInto);
  await running.kill("SIGTERM");
  await counted.kill("SIGTERM");
  return { calls, from };
}

/**
 * Starts an agent that is killed at a point, and resolves when it is connected or dead.
 *
 * @returns true if it was killed, false if it was renewed before its point came
 */
async function startKilled(agent: Joined, point: KillPoint): Promise<Promise<boolean>[]> {
  const traced = launchTraced(agentArgs(agent.data), { killAt: point });
  const isStruck = traced.exited.then(({ signal }) => signal === "SIGKILL");
  const isRenewed = async (): Promise<boolean> => {
    await traced.waitForEvent((each) => each["event"] === "renewed");
    // The point may come at the end of what a renewal does; a second one is not waited for.
    await traced.kill("SIGTERM");
    return isStruck;
  };
  const connected = traced.waitForEvent((each) => each["event"] === "connected");
  await Promise.race([isStruck, connected]).catch(() => isStruck);
  return [Promise.race([isStruck, isRenewed().catch(() => isStruck)])];
}

/** A few calls are made in another order from run to run: a point that did not come within a renewal comes right after it. */
async function writeOn(central: RunningCentral): Promise<void> {
  for (let count = 0; count < 10; count += 1) {
    await central.token().catch(() => undefined);
  }
}

/** What a host does after the crash: the agent is started once more. */
async function finish(central: RunningCentral, agent: Joined, where: string): Promise<void> {
  await using running = runAgent(agent.data);
  await running.waitForEvent((each) => each["event"] === "connected");
  await until(async () => {
    const { renewal } = await pageOf(central, agent);
    return renewal.inUse >= 1 ? true : undefined;
  });
  await assertRenewed(central, agent, where);
  await running.kill("SIGTERM");
}

const pageOf = (central: RunningCentral, { id }: Joined): Promise<Page> =>
  central.call("GET", `/api/v1/agents/${id}`);

/** Active, renewed, suspected of nothing; its folder holds the identity that central calls the newest in use. */
async function assertRenewed(central: RunningCentral, agent: Joined, where: string): Promise<void> {
  const { state, renewal, cloneSuspectedAt } = await pageOf(central, agent);
  assert.equal(state, "active", where);
  assert.ok(renewal.inUse >= 1, `${where}: a renewed identity is in use`);
  assert.equal(cloneSuspectedAt, null, `${where}: nobody is taken for a copy`);
  const text = readFileSync(join(agent.data, "settings.json"), "utf8");
  const { open } = JSON.parse(text) as { open: { state: string; renewal: { counter: string } } };
  assert.equal(open.state, "committed", where);
  assert.ok(Number(open.renewal.counter) <= renewal.number, `${where}: central knows its number`);
}

/** Two certificates for the join and for each renewal that the trail tells of, and none beyond; the trail is unbroken. */
async function assertWholeRecord(
  central: RunningCentral,
  agents: readonly Joined[],
): Promise<void> {
  const { items } = await central.call<Items<Certificate>>("GET", "/api/v1/certificates");
  const trail = await central.call<Items<Entry>>("GET", "/api/v1/audit?limit=10000");
  for (const { id } of agents) {
    const certificates = items.filter(({ agent }) => agent === id).length;
    const renewals = trail.items.filter(
      ({ action, actor }) => action === "agent.renewed" && actor === `agent:${id}`,
    ).length;
    assert.equal(certificates, 2 * (renewals + 1), `agent ${id}: two certificates a renewal`);
  }
  assert.equal(new Set(items.map(({ serial }) => serial)).size, items.length);
  assert.ok(!trail.items.some(({ action }) => action === "agent.clone-suspected"));
  assert.equal((await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
}
