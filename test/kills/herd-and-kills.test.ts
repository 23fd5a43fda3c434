/**
 * Central is killed while a swarm reports as fast as it is answered (F1, F2, F9):
 *
 * - 100 seeded points among the system calls by which a central takes its agents back and records their status: every
 *   acknowledged status is in the database each time, by a copy of what the kill left, and the audit trail is whole each time.
 *   (Kills during a start, a join, a renewal and a change of settings have files of their own.)
 * - One restart with 1,000 agents that all come back by themselves.
 *
 * Agents forgive a central that breaks their links again and again only slowly; so that 100 kills fit into minutes those of the
 * first drill wait a second at most. The second drill's wait as the product does.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { type LaunchedProcess, withTempFolder } from "@tautline/testing";
import { type ChainedEntry, verifyHashChain } from "@tautline/vault";
import {
  type CentralPorts,
  describeCentral,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import {
  copyStore,
  endSwarm,
  lastOf,
  launchSwarm,
  readLedger,
  readStoredStatus,
  untilLinked,
} from "../running-swarm.ts";
import { until } from "../until.ts";
import { callsDuring, outcomeOf, spoken, strikeUntil, traceRunning } from "./killable.ts";

const POINTS = 100;
const SEED = "status";
const AGENTS = 40;
/** A round is over when the ledger has grown by so much: every agent has come back and has been answered about twice. */
const ROUND_BYTES = 16_000;

const HERD = 1_000;
const MOST = 0.99;
const BACK_WITHIN_MS = 30_000;

test(`F1, F2: ${POINTS} kills of central under load lose no acknowledged status, and the trail holds each time`, async (t) => {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    const ledger = join(folder, "ledger");
    const { ports, swarm } = await startLoad(dataDir, folder, ledger);
    await using load = swarm;
    const calls = await countCalls(dataDir, ports, ledger, folder);
    await strikeUntil({ points: POINTS, calls, seed: SEED }, async (point, round) => {
      const writeInto = join(folder, `${round}.calls`);
      await using doomed = launchCentral(dataDir, ports);
      await doomed.waitForEvent(isReady);
      await using _tracer = await traceRunning(doomed, { killAt: point, writeInto });
      const isStruck = doomed.exited.then(({ signal }) => signal === "SIGKILL");
      const isPassed = untilGrown(ledger, doomed).then(() => false);
      const struck = await Promise.race([isStruck, isPassed.catch(() => isStruck)]);
      await doomed.kill("SIGKILL");
      assertNothingLost(dataDir, ledger, spoken(point));
      return outcomeOf(struck, writeInto);
    });
    t.diagnostic(`${readLedger(ledger).length} messages acknowledged`);
    await using last = launchCentral(dataDir, ports);
    const central = await describeCentral(last, dataDir, folder);
    await untilLinked(central, AGENTS);
    const { agents, messages } = await endSwarm(load);
    assert.deepEqual([agents.joined, agents.lost, agents.connected], [AGENTS, 0, AGENTS]);
    assert.equal(readLedger(ledger).length, messages.acknowledged);
    const { ok } = await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
    assert.ok(ok);
    await last.kill("SIGTERM");
    assertNothingLost(dataDir, ledger, "at the end");
  });
});

test(`F9: ${HERD} agents whose central was killed are back within 30 s of its return`, async (t) => {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    const ledger = join(folder, "ledger");
    await using first = launchCentral(dataDir);
    const central = await describeCentral(first, dataDir, folder);
    const order = { agents: HERD, interval: "10s", flags: ["--ledger", ledger] };
    await using swarm = await launchSwarm(central, order);
    await untilLinked(central, HERD);
    await first.kill("SIGKILL");
    assertNothingLost(dataDir, ledger, "killed");
    await using second = launchCentral(dataDir, portsOf(central));
    const again = await describeCentral(second, dataDir, folder);
    const readyAtMs = performance.now();
    await untilLinked(again, Math.ceil(HERD * MOST));
    const mostMs = performance.now() - readyAtMs;
    await untilLinked(again, HERD);
    const allMs = performance.now() - readyAtMs;
    const { agents, reconnects } = await endSwarm(swarm);
    t.diagnostic(`99 % back after ${Math.round(mostMs)} ms, all after ${Math.round(allMs)} ms`);
    assert.deepEqual([agents.joined, agents.lost, agents.connected], [HERD, 0, HERD]);
    assert.ok(reconnects.count >= HERD);
    assert.ok(mostMs <= BACK_WITHIN_MS, `99 % were back after ${mostMs} ms`);
    const { ok } = await again.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
    assert.ok(ok);
    await second.kill("SIGTERM");
    assertNothingLost(dataDir, ledger, "at the end");
  });
});

async function startLoad(dataDir: string, folder: string, ledger: string) {
  await using process = launchCentral(dataDir);
  const central = await describeCentral(process, dataDir, folder);
  const flags = ["--ledger", ledger, "--longest-wait", "1s"];
  const swarm = await launchSwarm(central, { agents: AGENTS, interval: "0s", flags });
  await untilLinked(central, AGENTS);
  await process.kill("SIGTERM");
  return { ports: portsOf(central), swarm };
}

function portsOf({ agentsPort, consolePort }: RunningCentral): CentralPorts {
  return { agents: agentsPort, console: consolePort };
}

/** The calls of one untroubled round. */
async function countCalls(
  dataDir: string,
  ports: CentralPorts,
  ledger: string,
  folder: string,
): Promise<string[]> {
  await using counted = launchCentral(dataDir, ports);
  await counted.waitForEvent(isReady);
  const file = join(folder, "central.calls");
  const calls = await callsDuring(counted, file, () => untilGrown(ledger, counted));
  await counted.kill("SIGKILL");
  return calls;
}

function isReady(event: Readonly<Record<string, unknown>>): boolean {
  return event["event"] === "ready";
}

/** Resolves when the ledger has grown by a round's worth; rejects when central ends before. */
async function untilGrown(ledger: string, central: LaunchedProcess): Promise<void> {
  const size = (): number => statSync(ledger).size;
  const wanted = size() + ROUND_BYTES;
  const ended = new AbortController();
  void central.exited.then(() => ended.abort());
  await until(async () => (size() >= wanted ? true : undefined), ended.signal);
}

/** Ledger against store: each agent's last acknowledged status is there, or a later one, and whole; the trail is unbroken. */
function assertNothingLost(dataDir: string, ledger: string, where: string): void {
  const acknowledged = lastOf(readLedger(ledger));
  const kept = readStoredStatus(dataDir);
  assert.ok(acknowledged.size > 0);
  for (const [agent, { sequence }] of acknowledged) {
    const stored = kept.get(agent) ?? {};
    const number = Number(stored["swarm.sequence"]);
    assert.ok(number >= sequence, `${where}: ${agent}: ${sequence} acknowledged, ${number} stored`);
    const hash = createHash("sha256").update(`${agent} ${number}`).digest("hex");
    assert.equal(stored["swarm.hash"], hash, `${where}: ${agent}`);
  }
  const db = new DatabaseSync(copyStore(dataDir));
  try {
    const rows = db.prepare("SELECT previous, hash, body FROM audit ORDER BY seq").all();
    const verdict = verifyHashChain(rows as unknown as ChainedEntry[]);
    assert.ok(verdict.ok, `${where}: ${JSON.stringify(verdict)}`);
    const [check] = db.prepare("PRAGMA integrity_check(1)").all();
    assert.deepEqual({ ...check }, { integrity_check: "ok" }, where);
  } finally {
    db.close();
  }
}
