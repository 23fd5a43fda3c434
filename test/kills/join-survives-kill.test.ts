import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import {
  callsDuring,
  callsSoFar,
  launchTraced,
  outcomeOf,
  spoken,
  strikeUntil,
  traceRunning,
} from "./killable.ts";

const POINTS = 25;
const SEED = "join";
interface ListedToken {
  readonly id: string;
  readonly uses: number;
  readonly usesMade: number;
}

interface ListedAgent {
  readonly id: string;
  readonly state: string;
  readonly token: string;
}

describe("kill -9 during a join (F1, F3)", () => {
  it(`of the agent at ${POINTS} points: every token ends as one identity, every identity is recorded`, async () => {
    await withCentral(async (central) => {
      const calls = await joinCalls(central);
      let rounds = 1;
      await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point) => {
        rounds += 1;
        const order = await orderJoin(central, spoken(point));
        const writeInto = join(central.folder, `${order.tokenId}.calls`);
        await using killed = launchTraced(order.args, { killAt: point, writeInto });
        const { signal } = await killed.exited;
        await finishJoin(order.args, spoken(point));
        await assertOneIdentity(central, order.tokenId, spoken(point));
        return outcomeOf(signal === "SIGKILL", writeInto);
      });
      await assertWholeRecord(central, rounds);
    });
  });

  it(`of central at ${POINTS} points: every token ends as one identity, every identity is recorded`, async () => {
    await withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      const { calls, ports } = await centralCalls(dataDir, folder);
      let rounds = 1;
      await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point) => {
        rounds += 1;
        await using doomed = launchCentral(dataDir, ports);
        const central = await describeCentral(doomed, dataDir, folder);
        const order = await orderJoin(central, spoken(point));
        const writeInto = join(folder, `${order.tokenId}.calls`);
        await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
        await using joining = launchTautline(order.args);
        const isStruck = doomed.exited.then(() => true);
        const struck = await Promise.race([isStruck, joining.exited.then(() => false)]);
        await doomed.kill("SIGKILL");

        await using restarted = launchCentral(dataDir, ports);
        const again = await describeCentral(restarted, dataDir, folder);
        await joining.exited;
        await finishJoin(order.args, spoken(point));
        await assertOneIdentity(again, order.tokenId, spoken(point));
        await restarted.kill("SIGTERM");
        return outcomeOf(struck, writeInto);
      });
      await using final = launchCentral(dataDir, ports);
      await assertWholeRecord(await describeCentral(final, dataDir, folder), rounds);
    });
  });
});

interface JoinOrder {
  readonly tokenId: string;
  readonly args: readonly string[];
}

/** Makes a one-use token and the command line that joins a new agent with it. */
async function orderJoin(central: RunningCentral, name: string): Promise<JoinOrder> {
  const { id, token } = await central.call<{ id: string; token: string }>(
    "POST",
    "/api/v1/tokens",
    { uses: 1 },
  );
  // Two rounds may strike at the same call: the token's id keeps their folders apart.
  const tokenFile = join(central.folder, `${id}.token`);
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const data = join(central.folder, id);
  return {
    tokenId: id,
    args: ["agent", "join", "--json", "--data", data, "--token-file", tokenFile, "--name", name],
  };
}

/** What a person does after the crash: the same command once more. */
async function finishJoin(args: readonly string[], where: string): Promise<void> {
  await using again = launchTautline(args);
  assert.equal((await again.exited).code, 0, `${where}: ${again.stderr}`);
  assert.match(again.stdout, /"state":"active"/, where);
}

async function assertOneIdentity(
  central: RunningCentral,
  tokenId: string,
  where: string,
): Promise<void> {
  const tokens = await central.call<Items<ListedToken>>("GET", "/api/v1/tokens");
  assert.equal(
    tokens.items.find((token) => token.id === tokenId)?.usesMade,
    1,
    `${where}: the token is used once`,
  );
  const agents = await central.call<Items<{ id: string }>>("GET", "/api/v1/agents");
  const pages = await Promise.all(
    agents.items.map(({ id }) => central.call<ListedAgent>("GET", `/api/v1/agents/${id}`)),
  );
  const made = pages.filter((page) => page.token === tokenId);
  assert.deepEqual(
    made.map(({ state }) => state),
    ["active"],
    `${where}: the token made one identity, and it is in use`,
  );
}

/** Two certificates an agent and none beyond; the audit trail unbroken, one entry for each thing that happened. */
async function assertWholeRecord(central: RunningCentral, agents: number): Promise<void> {
  const certificates = await central.call<Items<{ agent: string | null }>>(
    "GET",
    "/api/v1/certificates",
  );
  assert.equal(certificates.items.filter(({ agent }) => agent !== null).length, 2 * agents);
  assert.deepEqual(
    { ok: (await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok },
    { ok: true },
  );
  const trail = await central.call<Items<{ action: string }>>("GET", "/api/v1/audit?limit=10000");
  for (const action of ["agent.joined", "agent.active"]) {
    assert.equal(trail.items.filter((entry) => entry.action === action).length, agents, action);
  }
}

/** Joins once untroubled and gives the agent's calls. */
async function joinCalls(central: RunningCentral): Promise<string[]> {
  const order = await orderJoin(central, "counted");
  const writeInto = join(central.folder, "join.calls");
  await using counted = launchTraced(order.args, { writeInto });
  assert.equal((await counted.exited).code, 0, counted.stderr);
  return callsSoFar(writeInto);
}

/** Lets one agent join untroubled and gives the calls that central makes meanwhile. */
async function centralCalls(dataDir: string, folder: string) {
  await using counted = launchCentral(dataDir);
  const central = await describeCentral(counted, dataDir, folder);
  const order = await orderJoin(central, "counted");
  const calls = await callsDuring(counted, join(folder, "central.calls"), async () => {
    await using joining = launchTautline(order.args);
    assert.equal((await joining.exited).code, 0, joining.stderr);
  });
  await counted.kill("SIGTERM");
  return { calls, ports: { agents: central.agentsPort, console: central.consolePort } };
}
