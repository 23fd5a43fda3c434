import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { basicPsk } from "@tautline/link";
import { parseKeyIdentity } from "@tautline/protocol";
import { type Core, openCore, withCore } from "../fixture-core.test.ts";
import {
  ACTOR,
  AGENT_A,
  connect,
  type KeyProcess,
  openLink,
  startProcess,
} from "./fixture-keys.test.ts";

const order = { name: "site-3", namespace: "default", value: "first", actor: ACTOR };
const next = { name: "site-3", value: "second", actor: ACTOR };

const found = ({ ring }: KeyProcess, text: string): string => {
  const identity = parseKeyIdentity(text);
  const live = identity === undefined ? [] : ring.find(identity);
  return live.map(({ version, isInUse }) => `${version}${isInUse ? " in use" : ""}`).join(", ");
};

const step = ({ keys }: KeyProcess, name: "use" | "remove" | "undo"): Promise<unknown> =>
  keys.step({ name: "site-3", step: name, allowCutOff: [AGENT_A], actor: ACTOR });

describe("KeyRing", () => {
  it("gives the version in use first to the bare name, and one to its number (decision 0019)", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      assert.equal(found(here, "site-3"), "");
      await here.keys.create(order);
      assert.deepEqual([found(here, "site-3"), found(here, "site-3#2")], ["1 in use", ""]);
      await here.keys.install(next);
      assert.equal(found(here, "site-3"), "1 in use, 2");
      assert.deepEqual([found(here, "site-3#1"), found(here, "site-3#2")], ["1 in use", "2"]);
      await step(here, "use");
      assert.equal(found(here, "site-3"), "2 in use, 1");
      await step(here, "remove");
      assert.deepEqual([found(here, "site-3"), found(here, "site-3#1")], ["2 in use", ""]);
      assert.equal(found(here, "site-4"), "");
    }));

  it("holds what TLS and what the basic level use, and whose the key is", () =>
    withCore(async (core) => {
      await core.namespaces.create("lab", ACTOR);
      const here = await startProcess(core);
      await here.keys.create({ ...order, namespace: "lab", agentId: AGENT_A });
      const [key] = here.ring.find({ name: "site-3" });
      assert.ok(key);
      assert.deepEqual([key.namespace, key.agentId, key.sharedKey.length], ["lab", AGENT_A, 32]);
      assert.deepEqual(key.basicPsk, basicPsk(key.sharedKey));
    }));

  it("gives the same after a start", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      await here.keys.create(order);
      await here.keys.install(next);
      await core.close();
      const again = await openCore(core.folder);
      try {
        const there = await startProcess(again);
        assert.deepEqual(there.ring.find({ name: "site-3" }), here.ring.find({ name: "site-3" }));
      } finally {
        await again.close();
      }
    }));

  it("opens no link by a version that cannot be read, and goes on with the others", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      await here.keys.create(order);
      await here.keys.create({ ...order, name: "site-4" });
      await core.store.write((trx) =>
        trx
          .updateTable("key_versions")
          .set({ sealed_key: Buffer.alloc(60) })
          .where("key_name", "=", "site-3")
          .execute(),
      );
      const there = await startProcess(core);
      assert.deepEqual([found(there, "site-3"), found(there, "site-4")], ["", "1 in use"]);
    }));

  it("a version sealed for one key opens nothing in the place of another", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      await here.keys.create(order);
      await here.keys.create({ ...order, name: "site-4" });
      await core.store.write(async (trx) => {
        const { sealed_key } = await trx
          .selectFrom("key_versions")
          .select("sealed_key")
          .where("key_name", "=", "site-4")
          .executeTakeFirstOrThrow();
        const stolen = trx.updateTable("key_versions").set({ sealed_key });
        await stolen.where("key_name", "=", "site-3").execute();
      });
      assert.equal(found(await startProcess(core), "site-3"), "");
    }));
});

/** Whoever changes the keys, the process that holds the links follows at its next look. */
async function twoProcesses(core: Core): Promise<[here: KeyProcess, elsewhere: KeyProcess]> {
  const elsewhere = await startProcess(core);
  await elsewhere.keys.create(order);
  await elsewhere.keys.install(next);
  return [await startProcess(core), elsewhere];
}

describe("links opened by a key", () => {
  it("stay through a rotation and end with the version that is removed, elsewhere as well", () =>
    withCore(async (core) => {
      const [here, elsewhere] = await twoProcesses(core);
      openLink(here, "site-3#1");
      openLink(here, "site-3#2");
      openLink(here, null);
      await connect(core, here, "site-3#1");
      await connect(core, here, "site-3#2");
      await step(elsewhere, "use");
      await here.watch.look();
      assert.deepEqual([found(here, "site-3"), here.ended], ["2 in use, 1", []]);
      await step(elsewhere, "remove");
      assert.equal(found(here, "site-3#1"), "1", "not looked at yet");
      await here.watch.look();
      assert.equal(found(here, "site-3#1"), "");
      assert.deepEqual(here.ended, ["connection site-3#1 keys.ended", "site-3#1 keys.ended"]);
    }));

  it("end with an installed version that is taken back, and with the whole key", () =>
    withCore(async (core) => {
      const [here] = await twoProcesses(core);
      openLink(here, "site-3#1");
      openLink(here, "site-3#2");
      await step(here, "undo");
      assert.deepEqual(here.ended, ["site-3#2 keys.ended"]);
      here.links.pop();
      await here.keys.delete({ name: "site-3", force: true, actor: ACTOR });
      assert.deepEqual(here.ended, ["site-3#2 keys.ended", "site-3#1 keys.ended"]);
    }));

  it("end where the key was deleted and made again with the same text between two looks", () =>
    withCore(async (core) => {
      const [here, elsewhere] = await twoProcesses(core);
      openLink(here, "site-3#1");
      await elsewhere.keys.delete({ name: "site-3", force: true, actor: ACTOR });
      await elsewhere.keys.create(order);
      await here.watch.look();
      assert.deepEqual(here.ended, ["site-3#1 keys.ended"]);
      assert.equal(found(here, "site-3"), "3 in use");
    }));

  it("end at the next look where a handshake went on over the removal", () =>
    withCore(async (core) => {
      const [here] = await twoProcesses(core);
      await step(here, "undo");
      openLink(here, "site-3#2");
      assert.deepEqual(here.ended, []);
      await here.watch.look();
      assert.deepEqual(here.ended, ["site-3#2 keys.ended"]);
    }));

  it("whoever is judged while a version ends is judged again", () =>
    withCore(async (core) => {
      const [here] = await twoProcesses(core);
      const judged: string[] = [];
      const socket = { once: () => undefined, destroyed: true };
      await here.connections.admit({ socket: socket as never, kind: "control" }, async () => {
        judged.push(found(here, "site-3"));
        if (judged.length === 1) await step(here, "undo");
        return {} as never;
      });
      assert.deepEqual(judged, ["1 in use, 2", "1 in use"]);
    }));
});
