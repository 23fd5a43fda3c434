import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { createSeededRandom, withTempFolder } from "@tautline/testing";
import { makeAgentId } from "@tautline/protocol";
import { createOpenConnections } from "../control/open-connections.ts";
import { createRefusals } from "../control/refusals.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, joinNew, openCore, withCore } from "../fixture-core.test.ts";
import { openStore } from "../store/store.ts";
import { FORWARD_LIMITS } from "./forward-limits.ts";
import { type Forwards, openForwards } from "./forwards.ts";

const ACTOR = "operator:ana";
const order = { name: "db", namespace: "default", target: "db.example:5432", actor: ACTOR };

const open = ({ store, audit, history, metrics, clock }: Core): Promise<Forwards> => {
  const log = createLog("central", "error", { write: () => {} });
  const { now } = clock;
  const refusals = createRefusals({ audit, history: history.recorder, log, metrics, now });
  const own = { ports: () => [], addresses: () => [] };
  const connections = createOpenConnections();
  return openForwards({ store, audit, now, log, own, connections, refusals, metrics });
};

function withForwards(use: (here: Forwards, core: Core) => Promise<void>): Promise<void> {
  return withCore(async (core) => use(await open(core), core));
}

const { randomBytes } = createSeededRandom("forwards");
const aFreshId = (): string => makeAgentId(Date.UTC(2026, 0, 1), randomBytes(10));

describe("ForwardStore", () => {
  it("allows a target to a namespace's agents with the limits of the house, and shows it", () =>
    withForwards(async ({ forwards }, core) => {
      const allowed = await forwards.allow(order);
      assert.deepEqual(allowed, {
        name: "db",
        namespace: "default",
        agent: null,
        direction: "out",
        target: "db.example:5432",
        operatorRole: null,
        alsoLocal: false,
        proxyProtocol: false,
        idleMs: FORWARD_LIMITS.idleMs,
        totalMs: FORWARD_LIMITS.totalMs,
        maxStreams: FORWARD_LIMITS.streams,
        createdAt: new Date(core.clock.now()).toISOString(),
        createdBy: ACTOR,
      });
      assert.deepEqual(await forwards.list(), [allowed]);
      assert.deepEqual(await forwards.get(order), allowed);
    }));

  it("allows operators a service of agents, which leads nowhere that central knows", () =>
    withForwards(async ({ forwards, book }, core) => {
      const { target: _none, ...service } = order;
      const allowed = await forwards.allow({ ...service, operatorRole: "admin" });
      assert.deepEqual(
        [allowed.direction, allowed.target, allowed.operatorRole],
        ["in", null, "admin"],
      );
      assert.deepEqual(await forwards.get(order), allowed);
      const agent = { id: "a", namespace: "default" };
      assert.deepEqual(book.serviceFor(agent, "db"), allowed);
      const refusal = await refusalOf(() => book.forwardFor(agent, "db"));
      assert.equal(refusal.code, "forward.not_allowed");
      const [entry] = (await core.audit.list({ limit: 1 })).toReversed();
      assert.equal(entry?.detail?.["direction"], "in");
      assert.equal(entry?.detail?.["operatorRole"], "admin");
    }));

  it("an agent's own allowance of one direction hides none of the other from its namespace's", () =>
    withForwards(async ({ forwards, book }, core) => {
      const { id } = await joinNew(core);
      const agent = { id, namespace: "default" };
      await forwards.allow(order);
      const { target: _none, ...service } = order;
      await forwards.allow({ ...service, agentId: id });
      assert.equal(book.forwardFor(agent, "db").target, order.target);
      assert.equal(book.serviceFor(agent, "db").agent, id);
      const other = { id: "b", namespace: "default" };
      const refusal = await refusalOf(() => book.serviceFor(other, "db"));
      assert.equal(refusal.code, "forward.service_not_allowed");
    }));

  it("keeps whatever else was said", () =>
    withForwards(async ({ forwards }) => {
      const said = { alsoLocal: true, proxyProtocol: true, idleMs: 1_000, totalMs: 2_000 };
      const allowed = await forwards.allow({ ...order, ...said, maxStreams: 3 });
      assert.deepEqual(allowed, { ...allowed, ...said, maxStreams: 3 });
    }));

  it("writes each change into the trail, with who, what and for whom", () =>
    withForwards(async ({ forwards }, core) => {
      const { id } = await joinNew(core);
      await forwards.allow({ ...order, agentId: id, proxyProtocol: true });
      await forwards.deny({ ...order, agentId: id });
      const [allowed, denied] = await core.audit.list({ limit: 2 });
      assert.deepEqual(
        [allowed?.action, allowed?.actor, allowed?.subject, allowed?.detail],
        [
          "forward.allowed",
          ACTOR,
          "forward:db",
          {
            agentId: id,
            namespace: "default",
            target: "db.example:5432",
            idleMs: FORWARD_LIMITS.idleMs,
            totalMs: FORWARD_LIMITS.totalMs,
            maxStreams: FORWARD_LIMITS.streams,
            proxyProtocol: "yes",
          },
        ],
      );
      assert.deepEqual(
        [denied?.action, denied?.detail],
        ["forward.denied", { agentId: id, namespace: "default", target: "db.example:5432" }],
      );
    }));

  it("a name is unique among a namespace's, and among one agent's own", () =>
    withForwards(async ({ forwards }, core) => {
      await core.namespaces.create("plant", ACTOR);
      const { id } = await joinNew(core);
      await forwards.allow(order);
      await forwards.allow({ ...order, namespace: "plant" });
      await forwards.allow({ ...order, agentId: id });
      await refusalOf(forwards.allow(order), "api.conflict");
      await refusalOf(forwards.allow({ ...order, agentId: id }), "api.conflict");
      assert.equal((await forwards.list()).length, 3);
      await forwards.deny(order);
      assert.equal((await forwards.list()).length, 2);
      await refusalOf(forwards.deny(order), "api.not_found");
      await refusalOf(forwards.get(order), "api.not_found");
    }));

  it("refuses what cannot be, and leaves neither a row nor an entry", () =>
    withForwards(async ({ forwards }, core) => {
      await core.namespaces.create("plant", ACTOR);
      const { id } = await joinNew(core);
      const revoked = await joinNew(core);
      await core.agents.revoke(revoked.id, ACTOR);
      const before = (await actionsOf(core)).length;
      await refusalOf(forwards.allow({ ...order, name: "Db" }), "value.forward_name");
      await refusalOf(forwards.allow({ ...order, target: "db" }), "value.forward_target");
      await refusalOf(forwards.allow({ ...order, namespace: "none" }), "api.not_found");
      const elsewhere = { ...order, namespace: "plant", agentId: id };
      await refusalOf(forwards.allow(elsewhere), "api.conflict");
      await refusalOf(forwards.allow({ ...order, agentId: revoked.id }), "api.conflict");
      for (const target of ["0.0.0.0:80", "[::]:80", "224.0.0.1:80", "255.255.255.255:80"]) {
        await refusalOf(forwards.allow({ ...order, target }), "forward.target_forbidden");
      }
      assert.deepEqual(await forwards.list(), []);
      assert.equal((await actionsOf(core)).length, before);
    }));

  it("an agent that has not come yet may be named", () =>
    withForwards(async ({ forwards }) => {
      const id = aFreshId();
      assert.equal((await forwards.allow({ ...order, agentId: id })).agent, id);
    }));

  it("what was allowed to an agent alone goes with it", () =>
    withForwards(async ({ forwards, book }, core) => {
      const { id } = await joinNew(core);
      await forwards.allow(order);
      await forwards.allow({ ...order, name: "own", agentId: id });
      await core.life.delete({ id, actor: ACTOR, force: true });
      assert.deepEqual(
        (await forwards.list()).map(({ name }) => name),
        ["db"],
      );
      await book.look();
      await refusalOf(
        () => book.forwardFor({ id, namespace: "default" }, "own"),
        "forward.not_allowed",
      );
    }));

  it("F12: a target that is changed behind central's back is found at the next start", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      await (await open(core)).forwards.allow(order);
      await core.close();
      const file = join(folder, "central.db");
      await (await openStore(file)).close();
      const db = new DatabaseSync(file);
      db.exec("UPDATE forwards SET target = '169.254.169.254:80'");
      db.close();
      const { detail } = await refusalOf(openStore(file), "store.damaged");
      assert.match(String(detail["reason"]), /'forwards'/);
    }));
});

describe("ForwardBook", () => {
  const asker = { id: aFreshId(), namespace: "default" };

  it("gives an agent its own allowance before its namespace's", () =>
    withForwards(async ({ forwards, book }) => {
      await forwards.allow(order);
      assert.equal(book.forwardFor(asker, "db").target, "db.example:5432");
      await forwards.allow({ ...order, agentId: asker.id, target: "own.example:5432" });
      assert.equal(book.forwardFor(asker, "db").target, "own.example:5432");
      const other = { ...asker, id: aFreshId() };
      assert.equal(book.forwardFor(other, "db").target, "db.example:5432");
      await forwards.deny({ ...order, agentId: asker.id });
      assert.equal(book.forwardFor(asker, "db").target, "db.example:5432");
    }));

  it("gives nothing that is another namespace's, another agent's, another name's or no name", () =>
    withForwards(async ({ forwards, book }, core) => {
      await core.namespaces.create("plant", ACTOR);
      const { id } = await joinNew(core);
      await forwards.allow({ ...order, namespace: "plant" });
      await forwards.allow({ ...order, name: "own", agentId: id });
      const names = ["db", "own", "", "plant//db", `${id}/own`, "DB", "db ", "__proto__"];
      for (const name of names) {
        const error = await refusalOf(() => book.forwardFor(asker, name), "forward.not_allowed");
        assert.equal(error.detail["id"], asker.id);
      }
    }));

  it("an agent that moved to another namespace keeps nothing", () =>
    withForwards(async ({ forwards, book }) => {
      await forwards.allow({ ...order, agentId: asker.id });
      const moved = { ...asker, namespace: "plant" };
      await refusalOf(() => book.forwardFor(moved, "db"), "forward.not_allowed");
    }));

  it("tells of each change, before whoever made it is answered, until that is ended", () =>
    withForwards(async ({ forwards, book }) => {
      let told = 0;
      const end = book.onChange(() => (told += 1));
      await forwards.allow(order);
      assert.equal(told, 1);
      await book.look();
      assert.equal(told, 1, "nothing has changed");
      await forwards.deny(order);
      assert.equal(told, 2);
      end();
      await forwards.allow(order);
      assert.equal(told, 2);
    }));

  it("follows what another process on the database changed, at its next look", () =>
    withForwards(async ({ forwards }, core) => {
      const other = await open(core);
      let told = 0;
      other.book.onChange(() => (told += 1));
      await forwards.allow(order);
      await refusalOf(() => other.book.forwardFor(asker, "db"), "forward.not_allowed");
      await other.book.look();
      assert.equal(other.book.forwardFor(asker, "db").target, "db.example:5432");
      await forwards.deny(order);
      await other.book.look();
      await refusalOf(() => other.book.forwardFor(asker, "db"), "forward.not_allowed");
      assert.equal(told, 2);
    }));

  it("knows what was allowed before it was opened", () =>
    withForwards(async ({ forwards }, core) => {
      await forwards.allow(order);
      const later = await open(core);
      assert.equal(later.book.forwardFor(asker, "db").name, "db");
    }));
});
