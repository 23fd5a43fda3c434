import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeInstruction,
  decodeLevelOrder,
  decodeSignedInstruction,
  type LevelOrder,
  type ServerToAgent,
} from "@tautline/protocol";
import { createAgentSession } from "../control/agent-session.ts";
import { described, joinedCaller, messageOf, receipt } from "../control/fixture-messages.test.ts";
import { sessionDepsOf } from "../control/fixture-sessions.test.ts";
import type { Session } from "../control/session.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, joinNew, makeJoiner, withCore } from "../fixture-core.test.ts";
import { type LevelOrders, openLevelOrders } from "./level-orders.ts";
import { OFFER_LOST_AFTER_MS } from "./move-rule.ts";

const WHO = "operator:local";
const ADDRESSES = ["127.0.0.1:9150"];

interface Ground {
  readonly core: Core;
  readonly id: string;
  readonly moves: LevelOrders;
  readonly told: readonly string[];
  /** Its next message, and what it is ordered with the answer. */
  readonly say: (fields?: Parameters<typeof messageOf>[2]) => Promise<Ordered | undefined>;
  /** The link breaks, and another one begins. */
  readonly relink: () => Promise<void>;
  /** What central sends it unasked. */
  readonly push: () => Promise<Ordered | undefined>;
  readonly status: () => Promise<string | undefined>;
}

interface Ordered extends LevelOrder {
  readonly seq: bigint;
}

function orderIn({ customMessage: custom }: ServerToAgent): Ordered | undefined {
  if (custom?.type !== "signed") return undefined;
  const { instruction, subject = new Uint8Array() } = decodeSignedInstruction(custom.data);
  const { kind, seq } = decodeInstruction(instruction);
  return kind === "level" ? { ...decodeLevelOrder(subject), seq } : undefined;
}

async function open(core: Core, told: string[] = []): Promise<LevelOrders> {
  const { store, audit, clock } = core;
  const tellAgent = async (id: string): Promise<void> => void told.push(id);
  return openLevelOrders({ store, audit, now: clock.now, tellAgent });
}

function withAgent(use: (ground: Ground) => Promise<void>): Promise<void> {
  return withCore(async (core) => {
    const told: string[] = [];
    const moves = await open(core, told);
    const caller = await joinedCaller(core);
    const { id } = caller.agent;
    const begin = (): Session => createAgentSession({ ...sessionDepsOf(core), moves }, caller);
    let session = begin();
    let seq = 0;
    const say: Ground["say"] = async (fields = {}) =>
      orderIn(await session.receive(messageOf(id, seq++, fields)));
    const relink = async (): Promise<void> => {
      [session, seq] = [begin(), 0];
      await say(described());
    };
    await relink();
    const status = async (): Promise<string | undefined> =>
      (await moves.statusOf([id])).get(id)?.status;
    const push = async (): Promise<Ordered | undefined> => {
      const message = await session.push();
      return message && orderIn(message);
    };
    await use({ core, id, moves, told, say, relink, push, status });
  });
}

describe("orders to climb", () => {
  it("an order is offered once, signed, with the addresses of the port that hears it, and settled by the agent's receipt", () =>
    withAgent(async ({ core, id, moves, told, say, status }) => {
      assert.equal(await status(), undefined);
      const skip = (await actionsOf(core)).length;
      await moves.order([id], "mtls", WHO);
      assert.deepEqual([await status(), told], ["waiting", [id]]);
      const ordered = await say();
      assert.deepEqual(ordered, { level: "mtls", addresses: ADDRESSES, seq: 1n });
      assert.equal(await status(), "offered");
      assert.equal(await say(), undefined);
      assert.equal(await say(receipt(1n)), undefined);
      assert.equal(await status(), "applied");
      assert.deepEqual(await actionsOf(core, skip), [
        "agent.move-ordered",
        "instruction.issued",
        "instruction.carried-out",
      ]);
      const { move } = await core.agents.page(id);
      assert.deepEqual([move.level, move.status, move.error], ["mtls", "applied", ""]);
    }));

  it("two that offer at the same time, as a push and an answer do, send one instruction", () =>
    withAgent(async ({ id, moves, say, push }) => {
      await moves.order([id], "mtls", WHO);
      const sent = await Promise.all([push(), say(), push()]);
      assert.deepEqual(
        sent.filter((one) => one !== undefined).map(({ seq }) => seq),
        [1n],
      );
    }));

  it("what failed stays so, with the agent's reason, until somebody orders it again", () =>
    withAgent(async ({ core, id, moves, say, relink, status }) => {
      await moves.order([id], "tls", WHO);
      await say();
      await say(receipt(1n, "agent.level_unreachable"));
      assert.equal(await status(), "failed");
      const { error } = (await moves.statusOf([id])).get(id) ?? {};
      assert.match(error ?? "", /^agent\.level_unreachable/);
      core.clock.advance(60 * OFFER_LOST_AFTER_MS);
      await relink();
      assert.equal(await say(), undefined);
      await moves.orderOne(id, "tls", WHO);
      assert.equal((await say())?.seq, 2n);
    }));

  it("F3: an offer that was lost is made again after a minute, over any link, and only the last one counts", () =>
    withAgent(async ({ core, id, moves, say, relink, status }) => {
      await moves.order([id], "mtls", WHO);
      await say();
      await relink();
      assert.equal(await say(), undefined, "the climb's own link may be this one");
      core.clock.advance(OFFER_LOST_AFTER_MS);
      assert.equal((await say())?.seq, 2n);
      await say(receipt(1n, "agent.level_unreachable"));
      assert.equal(await status(), "offered");
      await say(receipt(2n));
      assert.equal(await status(), "applied");
    }));

  it("F3: what is not settled is known to the central that starts again", () =>
    withAgent(async ({ core, id, moves, say }) => {
      await moves.order([id], "mtls", WHO);
      const again = await open(core);
      assert.equal(again.openOf(id)?.status, "waiting");
      await say();
      await say(receipt(1n));
      assert.equal((await open(core)).openOf(id), undefined);
      assert.equal(moves.openOf(id), undefined);
    }));

  it("an order takes the place of the one before, and what comes of that is not taken for its own", () =>
    withAgent(async ({ id, moves, say, status }) => {
      await moves.order([id], "tls", WHO);
      await say();
      await moves.order([id], "mtls", WHO);
      const next = await say(receipt(1n));
      assert.deepEqual([next?.level, await status()], ["mtls", "offered"]);
      await say(receipt(2n));
      assert.equal(await status(), "applied");
    }));

  it("a withdrawn order is offered no more, and its receipt changes nothing", () =>
    withAgent(async ({ core, id, moves, say, status }) => {
      await moves.order([id], "mtls", WHO);
      await say();
      await moves.withdraw([id]);
      assert.deepEqual([await status(), moves.openOf(id)], [undefined, undefined]);
      await say(receipt(1n));
      assert.equal(await status(), undefined);
      core.clock.advance(OFFER_LOST_AFTER_MS);
      assert.equal(await say(), undefined);
      assert.ok((await actionsOf(core)).includes("agent.move-withdrawn"));
    }));

  it("agents that cannot climb are passed over among many, and named to a person", () =>
    withAgent(async ({ core, id, moves, told, status }) => {
      const revoked = (await joinNew(core)).id;
      await core.agents.revoke(revoked, WHO);
      const nobody = makeJoiner().id;
      const strangers = Array.from({ length: 450 }, () => nobody);
      await moves.order([...strangers, revoked, id], "mtls", WHO);
      assert.equal(await status(), "waiting");
      assert.equal((await moves.statusOf([revoked, nobody])).size, 0);
      assert.ok(told.includes(id));
      const refused = async (agent: string, level: "mtls" | "basic"): Promise<string> =>
        (await refusalOf(moves.orderOne(agent, level, WHO))).code;
      assert.equal(await refused(nobody, "mtls"), "api.not_found");
      assert.equal(await refused(revoked, "mtls"), "fleet.not_possible");
      const [seen] = [{ id, atMs: core.clock.now(), level: "tls", group: null }];
      await core.agents.noteSeen([seen]);
      assert.equal(await refused(id, "basic"), "fleet.move_lowers");
      await core.store.write((trx) =>
        trx.updateTable("agents").set({ state: "keyed" }).where("id", "=", revoked).execute(),
      );
      assert.equal(await refused(revoked, "mtls"), "fleet.no_identity");
    }));
});
