import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { levelsFrom, OPEN_POLICY } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf } from "../fixture-core.test.ts";
import { MTLS } from "./fixture-change.test.ts";
import { ORDER, WINDOW_MS, withWorld, type World } from "./fixture-world.test.ts";
import { LEAST_AT_ONCE, MOST_TRIES } from "./wave-rule.ts";

const policyNow = ({ policies }: World) => policies.book.policyOf("default", "control");
const excepted = ({ policies }: World): readonly string[] =>
  policies.book.exceptions().map(({ agentId }) => agentId);

describe("apply", () => {
  it("QMP-1: refuses while anybody would be cut off, and names who", () =>
    withWorld(async (world) => {
      await world.agent("mtls");
      const stranger = await world.claim("plaintext");
      const error = await refusalOf(world.changes.apply(ORDER));
      assert.equal(error.code, "policy.would_cut_off");
      assert.match(error.message, new RegExp(`cut off 1 agent: ${stranger} \\(web-1\\)`));
      assert.deepEqual(await world.changes.list(9), []);
      assert.equal(policyNow(world), OPEN_POLICY);
    }));

  it("names five of many, and goes on when each is allowed", () =>
    withWorld(async (world) => {
      const strangers: string[] = [];
      for (let at = 0; at < 6; at += 1) strangers.push(await world.claim("plaintext"));
      const allowCutOff = strangers.slice(1);
      const one = await refusalOf(world.changes.apply({ ...ORDER, allowCutOff }));
      assert.match(one.message, /cut off 1 agent: /);
      const all = await refusalOf(world.changes.apply(ORDER));
      assert.match(all.message, /cut off 6 agents: .* and others\./);
      await world.changes.apply({ ...ORDER, allowCutOff: strangers });
      const { step, totals } = await world.end();
      assert.deepEqual([step, totals["cut off"]], ["done", 6]);
      assert.deepEqual(excepted(world), []);
    }));

  it("one change at a time in a namespace, and one of all namespaces at a time", () =>
    withWorld(async (world) => {
      await world.core.namespaces.create("lab", "operator:ana");
      await world.changes.apply(ORDER);
      const code = async (namespace: string | undefined): Promise<string> =>
        (await refusalOf(world.changes.apply({ ...ORDER, namespace }))).code;
      assert.equal(await code("default"), "policy.change_running");
      assert.equal(await code(undefined), "policy.change_running");
      await world.changes.apply({ ...ORDER, namespace: "lab" });
      assert.equal(await code("nowhere"), "api.not_found");
    }));

  it("opens, moves, closes, watches: a fleet ends at mtls and plaintext on this host alone (QM-13)", () =>
    withWorld(async (world) => {
      const [one, two] = [await world.agent("plaintext"), await world.agent("basic")];
      await world.agent("mtls");
      await world.changes.apply(ORDER);
      await world.pass(1_000);
      assert.equal((await world.change()).step, "moving");
      assert.deepEqual([...world.orders.keys()].toSorted(), [one, two].toSorted());
      assert.equal(policyNow(world), OPEN_POLICY);
      await world.climb(one);
      await world.pass(5_000);
      assert.equal((await world.change()).step, "moving");
      await world.climb(two);
      await world.pass(1_000);
      assert.equal((await world.change()).step, "watching");
      assert.deepEqual(policyNow(world), MTLS);
      assert.deepEqual(world.settings.agents.levels, ["tls", "mtls"]);
      assert.equal(world.settings.plaintext.bind, "loopback");
      await world.pass(WINDOW_MS - 5_000);
      assert.equal((await world.change()).step, "watching");
      assert.equal((await world.end()).step, "done");
      assert.deepEqual(excepted(world), []);
      assert.deepEqual(world.errors, []);
    }));

  it("QM-13: --loopback off leaves no plaintext at all", () =>
    withWorld(async (world) => {
      await world.changes.apply({
        ...ORDER,
        kinds: ["control", "forward"],
        policy: { ...MTLS, loopback: "off" },
      });
      await world.end();
      assert.equal(world.settings.plaintext.bind, "off");
    }));

  it("opens a level that is not listened to yet before anybody is told to climb to it", () =>
    withWorld(async (world) => {
      world.settings = {
        ...world.settings,
        agents: { ...world.settings.agents, levels: ["basic"] },
      };
      const one = await world.agent("plaintext");
      world.isPortTaken = true;
      await world.changes.apply(ORDER);
      await world.pass(3_000);
      assert.equal((await world.change()).step, "opening");
      assert.equal(world.orders.size, 0);
      world.isPortTaken = false;
      await world.pass(1_000);
      assert.deepEqual(world.settings.agents.levels, ["basic", "mtls"]);
      assert.ok(world.orders.has(one));
    }));

  it("is undone where a level cannot be opened, and nothing was changed for anybody", () =>
    withWorld(async (world) => {
      world.settings = {
        ...world.settings,
        agents: { ...world.settings.agents, levels: ["basic"] },
      };
      await world.agent("plaintext");
      world.isPortTaken = true;
      await world.changes.apply(ORDER);
      const { step, reason } = await world.end();
      assert.deepEqual([step, reason], ["undone", "not_heard"]);
      assert.equal(policyNow(world), OPEN_POLICY);
      assert.equal(world.orders.size, 0);
      assert.deepEqual(world.errors, ["listeners could not be changed", "policy.undone"]);
    }));

  it("leaves another namespace what it needs", () =>
    withWorld(async (world) => {
      await world.core.namespaces.create("lab", "operator:ana");
      await world.policies.book.look();
      await world.changes.apply(ORDER);
      await world.end();
      assert.equal(world.settings.plaintext.bind, "public");
      assert.deepEqual(policyNow(world), MTLS);
      assert.equal(world.policies.book.policyOf("lab", "control"), OPEN_POLICY);
    }));
});

describe("agents that do not come along", () => {
  it("one that did not move by half of the window keeps its level by an exception, with its reason, and climbs later", () =>
    withWorld(async (world) => {
      const [one, two] = [await world.agent("plaintext"), await world.agent("plaintext")];
      await world.changes.apply(ORDER);
      await world.pass(2_000);
      await world.climb(one);
      world.orders.set(two, { level: "mtls", status: "offered", error: "" });
      await world.pass(WINDOW_MS / 2);
      assert.equal((await world.change()).step, "watching");
      const [exception] = world.policies.book.exceptions();
      assert.deepEqual(
        [exception?.agentId, exception?.level, exception?.reason, exception?.changeId],
        [two, "plaintext", "not_moved", "1"],
      );
      assert.equal(world.settings.plaintext.bind, "public");
      assert.equal((await world.end()).step, "done");
      await world.climb(two);
      await world.pass(5_000);
      assert.deepEqual(excepted(world), []);
      assert.equal(world.settings.plaintext.bind, "loopback");
    }));

  it("one that says why it cannot is told again twice, and then is not waited for", () =>
    withWorld(async (world) => {
      const one = await world.agent("plaintext");
      await world.changes.apply(ORDER);
      const error = "link.unreachable: nobody answers";
      const failed = { level: "mtls", status: "failed", error } as const;
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        await world.pass(WINDOW_MS / 20);
        assert.equal((await world.change()).step, "moving");
        assert.equal(world.orders.get(one)?.status, "offered", `told ${tries + 1} times`);
        world.orders.set(one, failed);
      }
      await world.pass(1_000);
      assert.equal((await world.change()).step, "watching");
      assert.equal(world.policies.book.exceptions()[0]?.reason, error);
      await world.pass(WINDOW_MS / 10);
      assert.equal(world.orders.get(one)?.status, "failed", "and never again");
    }));

  it("a crowd is told in waves: the next go when the first have arrived, and who was not told in time is told afterwards", () =>
    withWorld(async (world) => {
      const ids: string[] = [];
      for (let at = 0; at < LEAST_AT_ONCE + 3; at += 1) ids.push(await world.agent("plaintext"));
      await world.changes.apply(ORDER);
      await world.pass(1_000);
      assert.equal(world.orders.size, LEAST_AT_ONCE);
      const [first = ""] = world.orders.keys();
      await world.climb(first);
      await world.pass(1_000);
      assert.equal(world.orders.size, LEAST_AT_ONCE + 1);
      // Those that were told keep silent, and hold up nobody for longer than an order holds a place.
      await world.pass(WINDOW_MS / 4);
      assert.equal(world.orders.size, ids.length);
    }));

  it("one that is missing for a third of the window gets its level back, an error finding, and the others stay", () =>
    withWorld(async (world) => {
      const ids = [
        await world.agent("plaintext"),
        await world.agent("mtls"),
        await world.agent("mtls"),
      ];
      const [lost = ""] = ids;
      await world.changes.apply(ORDER);
      await world.pass(1_000);
      // It has done as it was told, and central has not seen it at its new level.
      world.orders.set(lost, { level: "mtls", status: "applied", error: "" });
      await world.unlink(lost);
      await world.pass(WINDOW_MS / 3);
      assert.deepEqual(excepted(world), []);
      assert.equal(world.settings.plaintext.bind, "loopback");
      await world.pass(2_000);
      assert.deepEqual(excepted(world), [lost]);
      assert.deepEqual(world.errors, ["policy.agent_missing"]);
      // An exception is worth nothing on a port that is closed.
      assert.equal(world.settings.plaintext.bind, "public");
      assert.ok((await actionsOf(world.core)).includes("policy.agent-missing"));
      await world.link(lost, "plaintext");
      assert.equal((await world.end()).step, "done");
      assert.deepEqual(policyNow(world), MTLS);
    }));

  it("A24: one that had met the policy gets nothing back however long its packets are dropped", () =>
    withWorld(async (world) => {
      const [one] = [await world.agent("plaintext"), await world.agent("mtls")];
      await world.changes.apply(ORDER);
      await world.pass(1_000);
      await world.climb(one);
      await world.pass(1_000);
      await world.unlink(one);
      assert.equal((await world.end()).step, "done");
      assert.deepEqual(excepted(world), []);
      assert.deepEqual(world.errors, ["policy.agent_missing"]);
      const { agents } = await world.changes.get(1);
      assert.deepEqual(
        agents.map(({ id, isLost }) => [id, isLost]),
        [[one, true]],
      );
    }));

  it("too many bring the undo of everything: policy, listeners and exceptions as before", () =>
    withWorld(async (world) => {
      const ids = [
        await world.agent("plaintext"),
        await world.agent("plaintext"),
        await world.agent("mtls"),
      ];
      const [one = "", two = ""] = ids;
      const before = world.settings;
      await world.changes.apply(ORDER);
      await world.pass(1_000);
      await world.climb(one);
      await world.pass(WINDOW_MS / 2 + 1_000);
      assert.deepEqual(excepted(world), [two]);
      await world.unlink(one);
      await world.unlink(two);
      const { step, reason } = await world.end();
      assert.deepEqual([step, reason], ["undone", "agents_lost"]);
      assert.equal(policyNow(world), OPEN_POLICY);
      assert.deepEqual(world.settings, before);
      assert.deepEqual(excepted(world), []);
      assert.ok(world.errors.includes("policy.undone"));
      // Whoever climbed stays where it is; who did not is no longer told to.
      assert.deepEqual([...world.orders.keys()], [one]);
    }));

  it("A6: whoever is revoked meanwhile is nobody's business: no exception, no share of the lost", () =>
    withWorld(async (world) => {
      const [one, two] = [await world.agent("plaintext"), await world.agent("plaintext")];
      await world.changes.apply({ ...ORDER, undoIf: 0 });
      await world.pass(1_000);
      await world.climb(two);
      await world.set(one, { state: "revoked" });
      await world.unlink(one);
      const { step } = await world.end();
      assert.equal(step, "done");
      assert.deepEqual(excepted(world), []);
      assert.deepEqual(world.errors, []);
    }));

  it("A25: with --no-undo nobody is let back, and all is only told", () =>
    withWorld(async (world) => {
      const [one] = [await world.agent("plaintext"), await world.agent("plaintext")];
      await world.changes.apply({ ...ORDER, mayUndo: false, undoIf: 0 });
      await world.pass(1_000);
      await world.climb(one);
      const { step } = await world.end();
      assert.equal(step, "done");
      assert.deepEqual(excepted(world), []);
      assert.deepEqual(world.errors, ["policy.agent_missing"]);
    }));

  it("one that was not linked when it began is not waited for and gets no exception: it climbs when it comes", () =>
    withWorld(async (world) => {
      const one = await world.agent("plaintext");
      await world.unlink(one);
      await world.changes.apply(ORDER);
      await world.pass(1_000);
      assert.equal((await world.change()).step, "watching");
      assert.ok(world.orders.has(one));
      assert.equal((await world.end()).step, "done");
      assert.deepEqual(excepted(world), []);
    }));
});

describe("undo", () => {
  it("takes back a change that is done, once, and the one before it then", () =>
    withWorld(async (world) => {
      const before = world.settings;
      const basic = { ...MTLS, accept: levelsFrom("basic") };
      await world.changes.apply({ ...ORDER, policy: basic });
      await world.end();
      await world.changes.apply(ORDER);
      await world.end();
      await world.changes.undo({ namespace: "default", actor: "operator:ben" });
      const first = await world.end();
      assert.deepEqual([first.reason, first.undoneBy], ["asked", "operator:ben"]);
      assert.deepEqual(policyNow(world), basic);
      await world.changes.undo({ namespace: undefined, actor: "operator:ben" });
      await world.pass(2_000);
      assert.equal(policyNow(world), OPEN_POLICY);
      assert.deepEqual(world.settings, before);
      const error = await refusalOf(world.changes.undo({ namespace: "default", actor: "x" }));
      assert.equal(error.code, "policy.nothing_to_undo");
    }));

  it("stops a change on its way", () =>
    withWorld(async (world) => {
      const one = await world.agent("plaintext");
      await world.changes.apply(ORDER);
      await world.pass(2_000);
      await world.changes.undo({ namespace: "default", actor: "operator:ben" });
      assert.equal((await world.end()).step, "undone");
      assert.equal(policyNow(world), OPEN_POLICY);
      assert.equal(world.orders.has(one), false);
    }));

  it("of one namespace does not take back what was done to all", () =>
    withWorld(async (world) => {
      await world.changes.apply({ ...ORDER, namespace: undefined });
      await world.end();
      const error = await refusalOf(world.changes.undo({ namespace: "default", actor: "x" }));
      assert.match(
        error.message,
        /namespace default: the last one there, 1, was for all namespaces/,
      );
      await world.changes.undo({ namespace: undefined, actor: "x" });
      assert.equal((await world.end()).step, "undone");
    }));

  it("leaves what somebody else has set meanwhile", () =>
    withWorld(async (world) => {
      await world.changes.apply(ORDER);
      await world.end();
      const policy = { ...MTLS, postQuantum: "require" as const };
      await world.policies.change((trx) =>
        world.policies.stored.setPolicy(trx, {
          namespace: "default",
          kind: "control",
          policy,
          actor: "operator:ben",
          atMs: 0,
        }),
      );
      await world.changes.undo({ namespace: "default", actor: "operator:ana" });
      await world.end();
      assert.deepEqual(policyNow(world), policy);
    }));

  it("an exception of an earlier change outlives the undo of a later one", () =>
    withWorld(async (world) => {
      const one = await world.agent("plaintext");
      await world.changes.apply(ORDER);
      await world.end();
      assert.deepEqual(excepted(world), [one]);
      await world.changes.apply({ ...ORDER, policy: { ...MTLS, loopback: "off" } });
      await world.end();
      await world.changes.undo({ namespace: "default", actor: "operator:ana" });
      await world.end();
      assert.deepEqual(policyNow(world), MTLS);
      assert.deepEqual(excepted(world), [one]);
    }));
});
