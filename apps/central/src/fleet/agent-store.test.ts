import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LIMITS } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, joinNew, makeJoiner, withCore } from "../fixture-core.test.ts";

const seen = (id: string, atMs: number) => ({ id, atMs, level: "mtls", group: "X25519" });

describe("AgentStore", () => {
  it("lists agents by namespace and name, with what is known of each", () =>
    withCore(async (core) => {
      await core.namespaces.create("plant", "operator:local");
      await joinNew(core, { name: "b" });
      await joinNew(core, { name: "a" });
      const there = await joinNew(core, { name: "c", namespace: "plant" });
      const rows = await core.agents.list();
      assert.deepEqual(
        rows.map(({ namespace, name }) => `${namespace}/${name}`),
        ["default/a", "default/b", "plant/c"],
      );
      assert.deepEqual(
        (await core.agents.list("plant")).map(({ id }) => id),
        [there.id],
      );
      assert.deepEqual(await core.agents.list("nowhere"), []);
      const [row] = rows;
      assert.equal(row?.state, "joining");
      const ends = there.enrolled.clientCertificate.validToDate.toISOString();
      assert.equal(row?.certificateExpiresAt, ends);
      assert.deepEqual(
        [row?.level, row?.group, row?.lastSeenAt, row?.profile],
        [null, null, null, null],
      );
    }));

  it("shows all that is known of one, and says that another is not there", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core, { name: "web-1" });
      const page = await core.agents.page(id);
      assert.equal(page.joinedAt, new Date(core.clock.now()).toISOString());
      assert.match(page.token, /^[0-9a-f]{16}$/);
      const refusal = await refusalOf(core.agents.page(makeJoiner().id), "api.not_found");
      assert.match(refusal.remedy, /tautline agents list/);
    }));

  it("keeps of a status what it says and leaves the rest as it was", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      await core.agents.saveStatus(id, { attributes: { a: "1" }, version: "1" });
      await core.agents.saveStatus(id, { health: { healthy: false } });
      await core.agents.saveStatus(id, { config: { hash: "aa", status: "failed", error: "no" } });
      await core.agents.saveStatus(id, {});
      const page = await core.agents.page(id);
      assert.deepEqual(page.attributes, { a: "1" });
      assert.deepEqual(page.health, { healthy: false });
      assert.deepEqual(page.settings, { hash: "aa", status: "failed", error: "no" });
      await core.agents.saveStatus(id, { attributes: { b: "2" } });
      assert.deepEqual((await core.agents.page(id)).attributes, { b: "2" });
    }));

  it("keeps the largest status there is", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      const attributes = Object.fromEntries(
        Array.from({ length: LIMITS.attributes.value }, (_, at) => [`a${at}`, "x".repeat(4_000)]),
      );
      await core.agents.saveStatus(id, { attributes });
      assert.deepEqual((await core.agents.page(id)).attributes, attributes);
    }));

  it("A27: keeps what would act in a shell, in SQL or on a terminal as the text it is", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      const attributes = {
        "'; DROP TABLE agents; --": "x",
        shell: "$(reboot) `id` | sh",
        quote: `"'\\`,
        nul: "a\0b",
        line: "a\nb\r\u001b[2J\u202E",
      };
      await core.agents.saveStatus(id, { attributes });
      assert.deepEqual((await core.agents.page(id)).attributes, attributes);
      assert.equal((await core.agents.list()).length, 1);
    }));

  it("notes many at once, each by itself, and nothing of agents that are not there", () =>
    withCore(async (core) => {
      const [one, other] = [await joinNew(core), await joinNew(core)];
      await core.agents.noteSeen([
        seen(one.id, 1_000),
        seen(other.id, 2_000),
        seen("nobody", 3_000),
      ]);
      const times = (await core.agents.list())
        .map(({ lastSeenAt }) => String(lastSeenAt))
        .toSorted();
      assert.deepEqual(times, ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"]);
      await core.agents.noteSeen([]);
    }));

  it("audits an activation once, however many links begin at once", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      const skip = (await actionsOf(core)).length;
      await Promise.all(Array.from({ length: 5 }, () => core.agents.activate(id)));
      assert.deepEqual(await actionsOf(core, skip), ["agent.active"]);
    }));
});
