import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refusalOf } from "../../fixture-checks.test.ts";
import { actionsOf } from "../../fixture-core.test.ts";
import { startProcess } from "../../keys/fixture-keys.test.ts";
import { withStores } from "../fixture-stores.test.ts";

const ACTOR = "operator:ana";
const client = { namespace: "default", lifeMs: 60_000, actor: ACTOR };

const lists = (services: readonly string[], instances: readonly string[] = []) => ({
  services,
  instances,
  actor: ACTOR,
});

describe("ClaimantStore", () => {
  it("keeps a list in place of the one before, in memory at once, and writes who did it", () =>
    withStores(async ({ claimants, clients, book, core }) => {
      await clients.create({ name: "shop", ...client });
      await claimants.allow({ claimant: "client:shop", ...lists(["a", "shop-*"], ["i"]) });
      const put = await claimants.allow({ claimant: "client:shop", ...lists(["shop"]) });
      assert.deepEqual(put, {
        claimant: "client:shop",
        namespace: "default",
        services: ["shop"],
        instances: [],
        createdAt: new Date(core.clock.now()).toISOString(),
        createdBy: ACTOR,
      });
      assert.deepEqual(await claimants.list(), [put]);
      const held = { claimant: "client:shop", services: ["shop"], instances: [] };
      assert.deepEqual(book.allowancesOf(["client:shop"], "default"), [held]);
      await claimants.deny("client:shop", ACTOR);
      assert.deepEqual(book.allowancesOf(["client:shop"], "default"), []);
      assert.equal(
        (await refusalOf(() => claimants.deny("client:shop", ACTOR))).code,
        "api.not_found",
      );
      assert.deepEqual((await actionsOf(core)).slice(-3), [
        "client.claims-allowed",
        "client.claims-allowed",
        "client.claims-denied",
      ]);
    }));

  it("the list of a namespace counts for whoever has none, and for nobody else", () =>
    withStores(async ({ claimants, clients, book }) => {
      await claimants.allow({ claimant: "namespace:default", ...lists(["lab-*"]) });
      await claimants.allow({ claimant: "nobody", ...lists(["old"]) });
      const of = (who: string, namespace?: string): readonly string[] =>
        book.allowancesOf([who], namespace).flatMap(({ services }) => services);
      assert.deepEqual(of("client:shop", "default"), ["lab-*"]);
      assert.deepEqual(of("client:shop", "other"), []);
      assert.deepEqual(of("nobody"), ["old"]);
      await clients.create({ name: "shop", ...client, allowance: lists(["shop"]) });
      assert.deepEqual(of("client:shop", "default"), ["shop"]);
    }));

  it("A3: a client that is revoked whole takes its list along: the next of its name is somebody else", () =>
    withStores(async ({ clients, claimants, book }) => {
      await clients.create({ name: "shop", ...client, allowance: lists(["shop"]) });
      await clients.revoke({ name: "shop", actor: ACTOR, why: "over" });
      assert.deepEqual(await claimants.list(), []);
      await clients.create({ name: "shop", ...client });
      assert.deepEqual(book.allowancesOf(["client:shop"], "default"), []);
    }));

  it("A3: a shared key that is deleted takes its list along, too", () =>
    withStores(async ({ claimants, core }) => {
      const { keys } = await startProcess(core);
      await keys.create({ name: "legacy", namespace: "default", actor: ACTOR });
      await claimants.allow({ claimant: "key:legacy", ...lists(["old"]) });
      await keys.delete({ name: "legacy", force: true, actor: ACTOR });
      assert.deepEqual(await claimants.list(), []);
    }));

  const REFUSED: readonly [string, string, readonly string[], string][] = [
    ["a claimant of no kind", "shop", ["a"], "value.claimant"],
    ["a client that is not there", "client:shop", ["a"], "api.not_found"],
    ["a namespace that is not there", "namespace:nowhere", ["a"], "api.not_found"],
    ["a shared key that is not there", "key:legacy", ["a"], "api.not_found"],
    ["no service", "nobody", [], "api.invalid"],
    ["a star inside", "nobody", ["a*b"], "value.claimed_name"],
  ];
  it(`refuses ${REFUSED.map(([what]) => what).join(", ")}, and writes nothing`, () =>
    withStores(async ({ claimants }) => {
      for (const [what, claimant, services, code] of REFUSED) {
        const refusal = await refusalOf(() => claimants.allow({ claimant, ...lists(services) }));
        assert.equal(refusal.code, code, what);
      }
      assert.deepEqual(await claimants.list(), []);
    }));

  it("a client with a list that cannot be is not made", () =>
    withStores(async ({ clients }) => {
      const order = { name: "shop", ...client, allowance: lists([], ["i"]) };
      assert.equal((await refusalOf(() => clients.create(order))).code, "api.invalid");
      assert.deepEqual(await clients.list(), []);
    }));
});
