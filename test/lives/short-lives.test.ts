/**
 * Thirty renewals of every agent of a swarm under load. The certificates live 20 s; central and swarm share a clock that runs
 * faster than the host's (libfaketime), so that ten minutes of renewing take two. What is counted is each agent's own record:
 * the time from the end of one certificate to the proof of the next, by the shared clock.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { describeCentral, type Items, launchCentral } from "../running-central.ts";
import {
  endSwarm,
  lastOf,
  launchSwarm,
  readLedger,
  readStoredStatus,
  untilLinked,
} from "../running-swarm.ts";
import { until } from "../until.ts";
import { fasterClock } from "../faults/faked-time.ts";

const AGENTS = 40;
const RENEWALS = 30;
const PACE = 5;

test(`F7: certificates of 20 s leave no moment without a valid one in ${RENEWALS} renewals of ${AGENTS} agents under load`, async (t) => {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    const config = join(folder, "central.yaml");
    const ledger = join(folder, "ledger");
    writeFileSync(config, "certificates:\n  agentLifetime: 20s\n  centralLifetime: 60s\n");
    const clock = fasterClock(PACE);
    await using process = launchCentral(
      dataDir,
      { agents: 0, console: 0 },
      { config, env: clock() },
    );
    const central = await describeCentral(process, dataDir, folder);
    const order = { agents: AGENTS, interval: "1s", flags: ["--ledger", ledger], env: clock() };
    await using swarm = await launchSwarm(central, order);
    await untilLinked(central, AGENTS);
    await until(async () => {
      const { items } = await central.call<Items<{ detail?: { number?: number } }>>(
        "GET",
        `/api/v1/audit?limit=${AGENTS}`,
      );
      return items.some(({ detail }) => (detail?.number ?? 0) > RENEWALS) ? true : undefined;
    });
    const { agents, renewals, messages, errors } = await endSwarm(swarm);
    t.diagnostic(`${renewals.count} renewals, ${messages.acknowledged} messages acknowledged`);
    assert.deepEqual([agents.joined, agents.lost, agents.connected], [AGENTS, 0, AGENTS]);
    assert.deepEqual([renewals.gaps, renewals.lapsed, renewals.failed], [0, 0, 0]);
    assert.deepEqual(errors, {}, "no link was lost");
    assert.ok(renewals.count >= AGENTS * (RENEWALS - 5));
    const { ok } = await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
    assert.ok(ok);
    await process.kill("SIGTERM");
    const stored = readStoredStatus(dataDir);
    for (const [agent, { sequence }] of lastOf(readLedger(ledger))) {
      assert.ok(Number(stored.get(agent)?.["swarm.sequence"]) >= sequence, agent);
    }
  });
});
