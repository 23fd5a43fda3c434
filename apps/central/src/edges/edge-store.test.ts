import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CAPABILITY_EDGE,
  customMessage,
  type EdgeReport,
  encodeEdgeReport,
} from "@tautline/protocol";
import { createAgentSession } from "../control/agent-session.ts";
import { createClaimSession } from "../control/claim-session.ts";
import { claimCaller } from "../control/fixture-arrivals.test.ts";
import { joinedCaller, messageOf } from "../control/fixture-messages.test.ts";
import { claimDepsOf, sessionDepsOf } from "../control/fixture-sessions.test.ts";
import type { Session } from "../control/session.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { type Core, joinWith, makeJoiner, makeToken, withCore } from "../fixture-core.test.ts";

const REPORT: EdgeReport = {
  listening: true,
  calls: 12,
  failed: 2,
  kept: 5,
  delivered: 3,
  waitingCalls: 2,
  waitingBytes: 700,
  losses: [],
  places: [{ name: "central", state: "ready", code: "" }],
  trouble: "",
  troubleAtMs: 0,
};
const report = (change: Partial<EdgeReport> = {}) => ({
  customMessage: customMessage(
    CAPABILITY_EDGE,
    "report",
    encodeEdgeReport({ ...REPORT, ...change }),
  ),
});

interface Ground {
  readonly core: Core;
  readonly id: string;
  readonly session: Session;
  /** Sends the next message. */
  readonly tell: (fields: Parameters<typeof messageOf>[2]) => Promise<unknown>;
}

const withAgent = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    const session = createAgentSession(sessionDepsOf(core), caller);
    const { id } = caller.agent;
    let sequence = 0;
    const tell: Ground["tell"] = (fields) => session.receive(messageOf(id, sequence++, fields));
    await use({ core, id, session, tell });
  });

const lostOf = async ({ metrics }: Core, reason: string): Promise<number | undefined> =>
  (await metrics.edgeLost.get()).values.find(({ labels }) => labels.reason === reason)?.value;

describe("what agents say of their edges", () => {
  it("SWP-9: the newest is kept and shown, and an agent that never said anything has none", () =>
    withAgent(async ({ core, id, tell }) => {
      await tell({});
      assert.equal((await core.agents.page(id)).edge, null);
      await tell(report({ trouble: "agent.edge_away", troubleAtMs: 1_000 }));
      const { edge } = await core.agents.page(id);
      const { trouble: _code, troubleAtMs: _at, ...same } = REPORT;
      assert.deepEqual(edge, {
        ...same,
        toldAt: new Date(core.clock.now()).toISOString(),
        lostAt: null,
        trouble: { code: "agent.edge_away", at: "1970-01-01T00:00:01.000Z" },
      });
      await tell(report({ calls: 13 }));
      const [listed] = await core.agents.list();
      assert.deepEqual([listed?.edge?.calls, listed?.edge?.trouble], [13, null]);
    }));

  it("SWP-9: what was lost since the report before is counted by reason, and when it grew is noted", () =>
    withAgent(async ({ core, id, tell }) => {
      const losses = [{ reason: "full", calls: 4 }];
      await tell(report({ losses }));
      const first = new Date(core.clock.now()).toISOString();
      assert.equal((await core.agents.page(id)).edge?.lostAt, first);
      core.clock.advance(60_000);
      await tell(report({ losses, calls: 99 }));
      assert.equal((await core.agents.page(id)).edge?.lostAt, first);
      await tell(report({ losses: [...losses, { reason: "moonlight", calls: 2 }] }));
      assert.notEqual((await core.agents.page(id)).edge?.lostAt, first);
      assert.deepEqual([await lostOf(core, "full"), await lostOf(core, "other")], [4, 2]);
      // Told again over the next link: no loss twice.
      await tell(report({ losses }));
      assert.equal(await lostOf(core, "full"), 4);
    }));

  it("a report that says nothing new is not written again", () =>
    withAgent(async ({ core, id, tell }) => {
      await tell(report());
      const toldAt = (await core.agents.page(id)).edge?.toldAt;
      core.clock.advance(60_000);
      await tell(report());
      assert.equal((await core.agents.page(id)).edge?.toldAt, toldAt);
    }));

  it("of an agent without an identity it is kept as its word, counted nowhere, and gone once somebody joins under its id", () =>
    withCore(async (core) => {
      const joiner = makeJoiner();
      const { id } = joiner;
      const session = createClaimSession(claimDepsOf(core), claimCaller());
      await session.receive(messageOf(id, 0, report({ losses: [{ reason: "full", calls: 4 }] })));
      const { state, edge } = await core.agents.page(id);
      assert.deepEqual([state, edge?.losses], ["unproven", [{ reason: "full", calls: 4 }]]);
      assert.equal(await lostOf(core, "full"), 0);
      await joinWith(core, await makeToken(core, { namespace: "default" }), joiner.request);
      assert.equal((await core.agents.page(id)).edge, null);
    }));

  it("one that cannot be read is refused with its code, and the one before stays", () =>
    withAgent(async ({ core, id, tell }) => {
      await tell(report());
      const data = Uint8Array.of(0xff);
      const bad = { customMessage: customMessage(CAPABILITY_EDGE, "report", data) };
      const refused = await refusalOf(tell(bad));
      assert.equal(refused.code, "agent.edge_report_malformed");
      assert.equal((await core.agents.page(id)).edge?.calls, 12);
    }));
});
