import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveSharedKey } from "@tautline/pki";
import { isTautlineError, weaknessOf } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, joinNew, withCore } from "../fixture-core.test.ts";
import {
  ACTOR,
  AGENT_A,
  AGENT_B,
  type KeyProcess,
  startProcess,
  useBy,
} from "./fixture-keys.test.ts";

const order = { name: "site-3", namespace: "default", actor: ACTOR };

function withKeys(use: (here: KeyProcess, core: Core) => Promise<void>): Promise<void> {
  return withCore(async (core) => use(await startProcess(core), core));
}

const shape = async ({ keys }: KeyProcess, name = "site-3"): Promise<string> => {
  const { versions } = await keys.page(name);
  return versions.map(({ version, state }) => `${version} ${state}`).join(", ");
};

const step = (
  { keys }: KeyProcess,
  name: "use" | "remove" | "undo",
  allowCutOff: readonly string[] | "all" = [],
): Promise<unknown> => keys.step({ name: "site-3", step: name, allowCutOff, actor: ACTOR });

/** Everything of a database that is text, to look for what must not be in it. */
async function wholeText({ store }: Core): Promise<string> {
  const rows = await store.read(async (db) => [
    await db.selectFrom("keys").selectAll().execute(),
    await db.selectFrom("key_versions").selectAll().execute(),
    await db.selectFrom("audit").selectAll().execute(),
  ]);
  return JSON.stringify(rows, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value,
  );
}

describe("KeyStore", () => {
  it("OV-10, OVP-2: makes a strong text where none is given, shows it once and keeps it nowhere", () =>
    withKeys(async (here, core) => {
      const made = await here.keys.create(order);
      assert.match(made.value ?? "", /^[A-Za-z0-9_-]{43}$/);
      assert.deepEqual([made.version, made.weakness], [1, null]);
      const [live] = here.ring.find({ name: "site-3" });
      const place = { namespace: "default", name: "site-3" };
      const derived = await deriveSharedKey(made.value ?? "", place);
      assert.deepEqual(live?.sharedKey, derived);
      const { pskHex } = await here.keys.export("site-3", ACTOR);
      assert.equal(pskHex, derived.toString("hex"));
      const text = await wholeText(core);
      assert.equal(text.includes(made.value ?? "?"), false);
      assert.equal(text.includes(derived.toString("latin1")), false, "sealed, not readable");
    }));

  it("OVP-2, OVP-6: takes a weak text, whatever stands in it, and says so everywhere", () =>
    withKeys(async (here, core) => {
      const value = `it's "weak"`;
      const made = await here.keys.create({ ...order, value });
      assert.deepEqual([made.value, made.weakness], [null, weaknessOf(value)]);
      const [view] = await here.keys.list();
      assert.deepEqual([view?.weak, view?.versions[0]?.weakness], [true, weaknessOf(value)]);
      const [entry] = (await core.audit.list({ limit: 1 })).map(({ action, detail }) => ({
        action,
        detail,
      }));
      assert.deepEqual(entry, {
        action: "key.created",
        detail: { namespace: "default", version: 1, weak: weaknessOf(value) },
      });
      assert.equal((await wholeText(core)).includes(value), false);
    }));

  it("OVP-3: rotates install, use, remove; each step is one entry of the trail", () =>
    withKeys(async (here, core) => {
      await here.keys.create(order);
      const before = (await actionsOf(core)).length;
      const next = await here.keys.install({ name: "site-3", actor: ACTOR });
      assert.equal(next.version, 2);
      assert.equal(await shape(here), "1 current, 2 next");
      await step(here, "use");
      assert.equal(await shape(here), "1 previous, 2 current");
      await step(here, "remove");
      assert.equal(await shape(here), "2 current");
      await here.keys.install({ name: "site-3", value: "again", actor: ACTOR });
      await step(here, "undo");
      assert.equal(await shape(here), "2 current");
      await here.keys.export("site-3", ACTOR);
      assert.deepEqual((await actionsOf(core)).slice(before), [
        "key.installed",
        "key.switched",
        "key.removed",
        "key.installed",
        "key.withdrawn",
        "key.exported",
      ]);
    }));

  it("refuses a step that cannot be, and changes nothing by it", () =>
    withKeys(async (here, core) => {
      await here.keys.create(order);
      const before = await actionsOf(core);
      for (const name of ["use", "remove", "undo"] as const) {
        assert.equal((await refusalOf(step(here, name))).code, "keys.not_possible");
      }
      await here.keys.install({ name: "site-3", value: "second", actor: ACTOR });
      const again = here.keys.install({ name: "site-3", value: "third", actor: ACTOR });
      assert.match((await refusalOf(again)).message, /version 2 is installed already/);
      assert.deepEqual(await actionsOf(core), [...before, "key.installed"]);
      const lost = here.keys.install({ name: "elsewhere", actor: ACTOR });
      assert.equal((await refusalOf(lost)).code, "api.not_found");
    }));

  it("never gives a number of a name twice, not even to a key that is made again", () =>
    withKeys(async (here) => {
      const first = await here.keys.create(order);
      await here.keys.install({ name: "site-3", actor: ACTOR });
      await step(here, "undo");
      assert.equal((await here.keys.install({ name: "site-3", actor: ACTOR })).version, 3);
      await here.keys.delete({ name: "site-3", force: false, actor: ACTOR });
      assert.deepEqual(await here.keys.list(), []);
      const again = await here.keys.create(order);
      assert.equal(again.version, 4);
      assert.notEqual(again.id, first.id);
    }));

  const refused: [what: string, changes: Record<string, string>, code: string][] = [
    ["an unknown namespace", { namespace: "nowhere" }, "api.not_found"],
    ["a name that is none", { name: "Site 3" }, "value.key_name"],
    ["an empty text", { value: "" }, "value.key_text"],
    ["a text of two lines", { value: "a\nb" }, "value.key_text"],
  ];
  for (const [what, changes, code] of refused) {
    it(`refuses ${what} before anything is made`, () =>
      withKeys(async (here, core) => {
        const before = await actionsOf(core);
        await assert.rejects(
          here.keys.create({ ...order, ...changes }),
          (error) => isTautlineError(error) && error.code === code,
        );
        assert.deepEqual([await here.keys.list(), await actionsOf(core)], [[], before]);
      }));
  }

  it("has one key of a name in all namespaces", () =>
    withKeys(async (here, core) => {
      await core.namespaces.create("lab", ACTOR);
      await here.keys.create({ ...order, namespace: "lab", value: "x" });
      const taken = await refusalOf(here.keys.create({ ...order, value: "x" }));
      assert.equal(taken.code, "api.conflict");
      assert.equal(taken.message.includes("lab"), false, "where the other one is, is not told");
      assert.equal(await here.keys.namespaceOf("site-3"), "lab");
    }));
});

describe("a key that is bound to one agent", () => {
  it("may be made for a host that has not come yet", () =>
    withKeys(async (here) => {
      await here.keys.create({ ...order, agentId: AGENT_A });
      assert.equal((await here.keys.page("site-3")).agent, AGENT_A);
      assert.equal(here.ring.find({ name: "site-3" })[0]?.agentId, AGENT_A);
    }));

  it("is refused for an agent that could not use it", () =>
    withKeys(async (here, core) => {
      await core.namespaces.create("lab", ACTOR);
      const { id } = await joinNew(core);
      await here.keys.create({ ...order, agentId: id });
      const other = here.keys.create({ ...order, name: "b", namespace: "lab", agentId: id });
      assert.match((await refusalOf(other)).message, /not of the namespace 'lab'/);
      await core.agents.revoke(id, ACTOR);
      const late = here.keys.create({ ...order, name: "c", agentId: id });
      assert.match((await refusalOf(late)).message, /no longer taken in/);
      await core.life.delete({ id, actor: ACTOR, force: true });
      const gone = here.keys.create({ ...order, name: "d", agentId: id });
      assert.match((await refusalOf(gone)).message, /no longer taken in/);
    }));
});

describe("who would be cut off", () => {
  it("remove refuses and names them until each is named back", () =>
    withKeys(async (here, core) => {
      await here.keys.create(order);
      await here.keys.install({ name: "site-3", actor: ACTOR });
      await step(here, "use");
      const old = { name: "site-3", version: 1 };
      here.ring.noteUse(old, useBy(AGENT_A));
      here.ring.noteUse(old, useBy(AGENT_B));
      const refusal = await refusalOf(step(here, "remove"));
      assert.equal(refusal.code, "keys.still_used");
      assert.match(refusal.message, /the last that 2 agents \(/);
      assert.ok(refusal.message.includes(`${AGENT_A}, ${AGENT_B}`));
      const half = await refusalOf(step(here, "remove", [AGENT_B]));
      assert.match(half.message, /the last that 1 agent \(/);
      assert.equal(here.ring.find(old).length, 1);
      core.clock.advance(1);
      here.ring.noteUse({ ...old, version: 2 }, useBy(AGENT_B));
      await step(here, "remove", [AGENT_A]);
      assert.equal(here.ring.find(old).length, 0);
      const [entry] = (await core.audit.list({ limit: 1 })).map(({ detail }) => detail);
      assert.deepEqual(entry, { inUse: 2, ended: 1, allowedCutOff: AGENT_A });
    }));

  it("remove asks for no names where the key leaked, and the trail says so", () =>
    withKeys(async (here, core) => {
      await here.keys.create(order);
      await here.keys.install({ name: "site-3", actor: ACTOR });
      await step(here, "use");
      here.ring.noteUse({ name: "site-3", version: 1 }, useBy(AGENT_A));
      await step(here, "remove", "all");
      assert.equal(await shape(here), "2 current");
      const [entry] = (await core.audit.list({ limit: 1 })).map(({ detail }) => detail);
      assert.deepEqual(entry, { inUse: 2, ended: 1, allowedCutOff: "all" });
    }));

  it("names no more than a few in its sentence", () =>
    withKeys(async (here) => {
      await here.keys.create(order);
      await here.keys.install({ name: "site-3", actor: ACTOR });
      for (let at = 10; at < 17; at += 1) {
        here.ring.noteUse({ name: "site-3", version: 2 }, useBy(`${AGENT_A.slice(0, -2)}${at}`));
      }
      const { message } = await refusalOf(step(here, "undo"));
      assert.match(message, / 7 agents \((?:[0-9a-f-]{36}, ){4}[0-9a-f-]{36} and others\) used;/);
    }));

  it("delete asks to be forced, and says in the trail how many it cut off", () =>
    withKeys(async (here, core) => {
      await here.keys.create(order);
      here.ring.noteUse({ name: "site-3", version: 1 }, useBy(AGENT_A));
      const refusal = await refusalOf(
        here.keys.delete({ name: "site-3", force: false, actor: ACTOR }),
      );
      assert.equal(refusal.code, "keys.delete_unconfirmed");
      await here.keys.delete({ name: "site-3", force: true, actor: ACTOR });
      const [entry] = (await core.audit.list({ limit: 1 })).map(({ detail }) => detail);
      assert.deepEqual(entry, { namespace: "default", agentsCutOff: 1 });
      assert.equal((await refusalOf(here.keys.page("site-3"))).code, "api.not_found");
    }));

  it("a page says which agent used which version last, when, at which level and from where", () =>
    withKeys(async (here, core) => {
      await here.keys.create(order);
      here.ring.noteUse({ name: "site-3", version: 1 }, useBy(AGENT_A));
      core.clock.advance(1_000);
      const from = { level: "advanced", remoteAddress: "2001:db8::7" } as const;
      here.ring.noteUse({ name: "site-3", version: 1 }, useBy(AGENT_B, from));
      const page = await here.keys.page("site-3");
      const at = new Date(core.clock.now()).toISOString();
      assert.equal(page.lastUsedAt, at);
      assert.equal(page.versions[0]?.agents, 2);
      assert.deepEqual(page.uses[0], { agent: AGENT_B, version: 1, at, depends: true, ...from });
      assert.deepEqual(
        page.uses.map(({ agent }) => agent),
        [AGENT_B, AGENT_A],
      );
    }));
});
