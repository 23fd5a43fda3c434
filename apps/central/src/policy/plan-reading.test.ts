import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LinkEvidence } from "@tautline/protocol";
import { createLinkStore } from "../fleet/link-store.ts";
import { createStreamTable, type StreamTable } from "../forwards/stream-table.ts";
import {
  type HistoryGround,
  linkOf,
  provenEvidence,
  withHistory,
} from "../history/fixture-history.test.ts";
import { DAY_MS } from "../history/span.ts";
import { floor, wantedOf } from "./fixture-plan.test.ts";
import type { Plan, Wanted } from "./plan.ts";
import { readPlan } from "./plan-reading.ts";

const MTLS = wantedOf(floor("mtls"));
const plaintext = (id: string): LinkEvidence => ({
  ...provenEvidence(id),
  level: "plaintext",
  group: null,
  pq: false,
});

interface Asked {
  readonly wanted?: Wanted;
  readonly days?: number;
  readonly streams?: StreamTable;
}

function plan(
  { store, history, clock }: HistoryGround,
  { wanted = MTLS, days = 30, streams = createStreamTable() }: Asked = {},
): Promise<Plan> {
  const sinceMs = clock.now() - days * DAY_MS;
  return readPlan({ store, history, streams, now: clock.now }, wanted, { sinceMs });
}

const verdicts = ({ agents }: Plan): Record<string, string> =>
  Object.fromEntries(agents.map(({ id, reason }) => [id, reason]));

async function setAgent(
  { store }: HistoryGround,
  id: string,
  change: { state?: "unproven" | "revoked"; namespace?: string; attributes?: string },
): Promise<void> {
  await store.write(async (trx) => {
    if (change.namespace !== undefined) {
      await trx
        .insertInto("namespaces")
        .values({ name: change.namespace, created_at: 0 })
        .execute();
    }
    await trx.updateTable("agents").set(change).where("id", "=", id).execute();
  });
}

describe("readPlan", () => {
  it("QM-12: takes in what still waits to be written, what an agent said of itself, and who was never seen", () =>
    withHistory(async (ground) => {
      const { history, ids } = ground;
      const [one, two, three] = ids;
      const said = { "tautline.upgrade": "firmware", "tautline.instructions": "level,settings" };
      await setAgent(ground, two, { attributes: JSON.stringify(said) });
      history.recorder.opened(linkOf(one));
      history.recorder.opened(linkOf(two, { evidence: plaintext(two) }));
      const read = await plan(ground);
      assert.deepEqual(verdicts(read), {
        [one]: "meets_policy",
        [two]: "climbs",
        [three]: "not_seen",
      });
      assert.deepEqual(read.totals, { stays: 1, moves: 1, unknown: 1, "cut off": 0 });
      const [, second] = read.agents;
      const [part] = second?.parts ?? [];
      assert.deepEqual(
        [second?.upgrade, part?.level, part?.address, part?.wouldRefuse, part?.isLive],
        ["firmware", "plaintext", "192.0.2.1", 1, false],
      );
    }));

  it("F23: who was offline for longer than the period is unknown, however good it was", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [one, two] = ids;
      history.recorder.opened(linkOf(one));
      clock.advance(31 * DAY_MS);
      history.recorder.opened(linkOf(two));
      const read = await plan(ground);
      assert.deepEqual([verdicts(read)[one], verdicts(read)[two]], ["not_seen", "meets_policy"]);
      const longer = await plan(ground, { days: 32 });
      assert.equal(verdicts(longer)[one], "meets_policy");
    }));

  it("a live link counts as seen now, whatever else was seen", () =>
    withHistory(async (ground) => {
      const { history, store, clock, ids } = ground;
      const [one] = ids;
      history.recorder.opened(linkOf(one));
      const since = new Date(clock.advance(DAY_MS)).toISOString();
      const evidence = { ...plaintext(one), since };
      const link = { id: "l", agentId: one, transport: "websocket" as const, evidence };
      await createLinkStore(store, "c").open({ ...link, remoteAddress: "192.0.2.9" });
      const [agent] = (await plan(ground)).agents;
      const [part] = agent?.parts ?? [];
      assert.deepEqual(
        [agent?.reason, part?.level, part?.isLive, part?.lastMs, part?.address],
        ["version_too_old", "plaintext", true, clock.now(), "192.0.2.9"],
      );
    }));

  it("carried streams are links of the kind forward", () =>
    withHistory(async (ground) => {
      const { history, clock, ids } = ground;
      const [one] = ids;
      history.recorder.opened(linkOf(one));
      const streams = createStreamTable();
      streams.add({
        id: "s",
        agentId: one,
        namespace: "default",
        forward: "db",
        operator: null,
        wanted: null,
        target: null,
        remoteAddress: "192.0.2.9",
        evidence: { ...provenEvidence(one), level: "tls" },
        sinceMs: clock.now(),
        heardMs: clock.now(),
        up: 0,
        down: 0,
        end: () => {},
      });
      const [agent] = (await plan(ground, { streams })).agents;
      assert.deepEqual(
        agent?.parts.map(({ kind, level, verdict }) => [kind, level, verdict]),
        [
          ["control", "mtls", "stays"],
          ["forward", "tls", "cut off"],
        ],
      );
    }));

  it("leaves out other namespaces and whose right has ended", () =>
    withHistory(async (ground) => {
      const [one, two, three] = ground.ids;
      await setAgent(ground, one, { namespace: "lab" });
      await setAgent(ground, three, { state: "revoked" });
      const read = await plan(ground, { wanted: { ...MTLS, namespace: "default" } });
      assert.deepEqual(verdicts(read), { [two]: "not_seen" });
      const all = await plan(ground);
      assert.deepEqual(Object.keys(verdicts(all)), [one, two]);
    }));

  it("goes through a fleet of many pages, each agent once, in the order of ids", () =>
    withHistory(
      async (ground) => {
        const { history, fleet } = ground;
        // Nobody of the first third was seen, nor of the last: they lie before, between and after the pages of the history.
        const ids = fleet.map(({ id }) => id).toSorted();
        const seen = ids.slice(1_500, 3_500).filter((_, at) => at % 3 > 0);
        for (const id of seen) {
          for (const component of ["agent", "worker"]) {
            history.recorder.opened(linkOf(id, { component }));
          }
        }
        const read = await plan(ground);
        assert.deepEqual(
          read.agents.map(({ id }) => id),
          ids,
        );
        assert.deepEqual(
          read.agents.filter(({ verdict }) => verdict === "stays").map(({ id }) => id),
          seen,
        );
      },
      { agents: 5_000 },
    ));
});
