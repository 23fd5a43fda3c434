import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type LaunchedProcess, launchTautline, withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";
import {
  callsDuring,
  type KillPoint,
  type Outcome,
  outcomeOf,
  spoken,
  strikeUntil,
  strikeWaves,
  traceRunning,
} from "./killable.ts";

const POINTS = 15;
/** Each takes two starts of central. */
const CENTRAL_POINTS = 12;
/** A point that was missed takes another agent. */
const CENTRAL_AGENTS = 2 * CENTRAL_POINTS;
const SEED = "renewal";
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
      const calls = await agentCalls(central);
      const joined: Joined[] = [];
      await strikeWaves({ points: POINTS, calls, seed: SEED }, async (points) => {
        const agents = await joinMany(central, points.length, joined.length);
        joined.push(...agents);
        const doomed = agents.map((agent, index) => ({ agent, point: pointAt(points, index) }));
        const outcomes = await killRenewing(doomed);
        await Promise.all(doomed.map(({ agent, point }) => finish(central, agent, spoken(point))));
        return outcomes;
      });
      await assertWholeRecord(central, joined);
      await process.kill("SIGTERM");
    });
  });

  it(`of central at ${CENTRAL_POINTS} points: every agent is renewed, every certificate is recorded, the trail holds`, async () => {
    await withTempFolder(async (folder) => {
      const dataDir = prepareCentral(folder);
      const { agents, ports } = await joinBefore(dataDir, folder);
      const [counted, ...others] = agents;
      assert.ok(counted !== undefined);
      const calls = await centralCalls({ dataDir, folder, ports, agent: counted });
      await strikeUntil({ points: CENTRAL_POINTS, calls, seed: SEED }, async (point, round) => {
        const agent = others[round];
        assert.ok(agent !== undefined, "no agent is left for another point");
        await using doomed = launchCentral(dataDir, ports);
        await describeCentral(doomed, dataDir, folder);
        const writeInto = join(folder, `${round}.calls`);
        await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
        await using running = runAgent(agent.data);
        const renewed = running.waitForEvent((each) => each["event"] === "renewed");
        const isStruck = doomed.exited.then(() => true);
        const struck = await Promise.race([isStruck, renewed.then(() => false)]);
        await doomed.kill("SIGKILL");
        await using restarted = launchCentral(dataDir, ports);
        const central = await describeCentral(restarted, dataDir, folder);
        await renewed;
        await assertRenewed(central, agent, spoken(point));
        await running.kill("SIGKILL");
        await restarted.kill("SIGTERM");
        return outcomeOf(struck, writeInto);
      });
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

const runAgent = (data: string): LaunchedProcess =>
  launchTautline(["agent", "run", "--json", "--data", data]);

async function joinMany(central: RunningCentral, count: number, from = 0): Promise<Joined[]> {
  const token = await central.token({ uses: count });
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const data = join(central.folder, `agent-${from + index}`);
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
  const agents = await joinMany(central, CENTRAL_AGENTS + 1);
  const { items } = await central.call<Items<Certificate>>("GET", "/api/v1/certificates");
  const ends = items.flatMap(({ agent, notAfter }) =>
    agent === null ? [] : [Date.parse(notAfter)],
  );
  await until(async () => (Date.now() > Math.max(...ends) ? true : undefined));
  await first.kill("SIGTERM");
  return { agents, ports: { agents: central.agentsPort, console: central.consolePort } };
}

/** Runs one agent untroubled through its first renewal and gives its calls since it was connected. */
async function agentCalls(central: RunningCentral): Promise<string[]> {
  const [agent] = await joinMany(central, 1, POINTS * POINTS);
  assert.ok(agent !== undefined);
  await using counted = runAgent(agent.data);
  await counted.waitForEvent((each) => each["event"] === "connected");
  const calls = await callsDuring(counted, join(central.folder, "agent.calls"), async () => {
    await counted.waitForEvent((each) => each["event"] === "renewed");
  });
  await counted.kill("SIGTERM");
  return calls;
}

/** Lets one agent renew untroubled and gives the calls that central makes meanwhile. */
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
}): Promise<string[]> {
  await using counted = launchCentral(dataDir, ports);
  await describeCentral(counted, dataDir, folder);
  await using running = runAgent(agent.data);
  const calls = await callsDuring(counted, join(folder, "central.calls"), async () => {
    await running.waitForEvent((each) => each["event"] === "renewed");
  });
  await running.kill("SIGTERM");
  await counted.kill("SIGTERM");
  return calls;
}

interface Doomed {
  readonly agent: Joined;
  readonly point: KillPoint;
}

function pointAt(points: readonly KillPoint[], index: number): KillPoint {
  const point = points[index];
  assert.ok(point !== undefined);
  return point;
}

/** Runs agents that die at their points while they renew. */
async function killRenewing(agents: readonly Doomed[]): Promise<Outcome[]> {
  const ends: Promise<Outcome>[] = [];
  await using started = new AsyncDisposableStack();
  // Taken hold of one by one, because tracers that start together lose each other; they renew when they are due.
  for (const { agent, point } of agents) {
    const doomed = started.use(runAgent(agent.data));
    await doomed.waitForEvent((each) => each["event"] === "connected");
    const writeInto = `${agent.data}.calls`;
    const tracer = await traceRunning(doomed, { killAt: point, writeInto });
    ends.push(diesRenewing(doomed, tracer).then((isStruck) => outcomeOf(isStruck, writeInto)));
  }
  return await Promise.all(ends);
}

async function diesRenewing(doomed: LaunchedProcess, tracer: LaunchedProcess): Promise<boolean> {
  await using _doomed = doomed;
  await using _tracer = tracer;
  const isStruck = doomed.exited.then(() => true);
  const renewed = doomed.waitForEvent((each) => each["event"] === "renewed");
  return Promise.race([isStruck, renewed.then(() => false).catch(() => isStruck)]);
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
  // Certificates of 20 s end while a busy machine starts a process: whoever came too late is renewed again by itself.
  const { renewal, cloneSuspectedAt } = await until(async () => {
    const page = await pageOf(central, agent);
    return page.state === "active" ? page : undefined;
  });
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
