/**
 * Days without central, by libfaketime: central and a swarm of 1,000 are stopped and started again with clocks that are days
 * ahead. The agents are the same ones, with the keys and certificates they had; every handshake and every renewal is real.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { endSwarm, launchSwarm, untilLinked } from "../running-swarm.ts";
import { until } from "../until.ts";
import { shiftedClock } from "./faked-time.ts";

const AGENTS = 1_000;
/** Of them, how many come back too late. */
const LATE = 50;
const LONGEST_MS = 60_000;

test(`F5: after 4 days without central ${AGENTS} agents of a day's certificates are back within 60 s, nobody has to do a thing; after 64 days an operator is asked, and approves from afar`, async (t) => {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    const state = ["--state", join(folder, "state")];
    const swarm = { agents: AGENTS, interval: "60s", flags: state };
    const ports = await (async () => {
      await using process = launchCentral(dataDir);
      const central = await describeCentral(process, dataDir, folder);
      await using fleet = await launchSwarm(central, swarm);
      await untilLinked(central, AGENTS);
      const { agents } = await endSwarm(fleet);
      assert.deepEqual([agents.joined, agents.lost], [AGENTS, 0]);
      await process.kill("SIGTERM");
      return { agents: central.agentsPort, console: central.consolePort };
    })();

    await (async () => {
      const env = shiftedClock("+4d");
      await using process = launchCentral(dataDir, ports, { env });
      const central = await describeCentral(process, dataDir, folder);
      await using fleet = await launchSwarm(central, { ...swarm, env });
      await untilLinked(central, AGENTS);
      const { agents, renewals, joins, errors } = await endSwarm(fleet);
      t.diagnostic(`back after 4 days: p99 ${joins.p99Ms} ms, last ${joins.maxMs} ms`);
      assert.deepEqual([agents.joined, agents.lost, errors], [AGENTS, 0, {}]);
      assert.deepEqual([renewals.count, renewals.lapsed], [AGENTS, AGENTS]);
      assert.ok((joins.maxMs ?? Number.POSITIVE_INFINITY) <= LONGEST_MS);
      // Nobody joined a second time, and nobody was let in by a human.
      const { items } = await central.call<Items<{ id: string }>>("GET", "/api/v1/agents");
      assert.equal(items.length, AGENTS);
      const { ok } = await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
      assert.ok(ok);
      await process.kill("SIGTERM");
    })();

    const env = shiftedClock("+64d");
    await using process = launchCentral(dataDir, ports, { env });
    const central = await describeCentral(process, dataDir, folder);
    await using fleet = await launchSwarm(central, { ...swarm, agents: LATE, env });
    const waiting = await until(async () => {
      const asking = await agentsAsking(central);
      return asking.length === LATE ? asking : undefined;
    });
    for (const id of waiting) await central.call("POST", `/api/v1/agents/${id}/approve`, {});
    await untilLinked(central, LATE);
    const { agents, renewals } = await endSwarm(fleet);
    assert.deepEqual([agents.joined, renewals.count], [LATE, LATE]);
    const { items } = await central.call<Items<{ id: string }>>("GET", "/api/v1/agents");
    assert.equal(items.length, AGENTS, "no agent joined again");
    await process.kill("SIGTERM");
  });
});

/** The agents whose renewal waits for an operator. */
async function agentsAsking(central: RunningCentral): Promise<string[]> {
  const { items } = await central.call<Items<{ id: string; approval: { kind: string } | null }>>(
    "GET",
    "/api/v1/agents",
  );
  return items.flatMap(({ id, approval }) => (approval?.kind === "renewal" ? [id] : []));
}
