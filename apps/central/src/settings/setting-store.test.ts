import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { AGENT_SETTINGS_FILE, canonicalConfigMap } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, withCore } from "../fixture-core.test.ts";

const put = (core: Core, namespace: string, key: string, value: string): Promise<void> =>
  core.settings.put({ namespace, key, value }, "operator:local");

const documentOf = async (core: Core, namespace = "default"): Promise<string> => {
  const { configMap } = await core.settings.wanted(namespace);
  return Buffer.from(configMap.configMap[AGENT_SETTINGS_FILE]?.body ?? []).toString("utf8");
};

describe("SettingStore", () => {
  it("gives agents what was set, under the hash of its canonical bytes", () =>
    withCore(async (core) => {
      assert.equal((await core.settings.wanted("default")).isEmpty, true);
      await put(core, "", "agents.heartbeatSeconds", "60");
      await put(core, "default", "agents.labels.site", "berlin");
      const { configMap, hash, isEmpty } = await core.settings.wanted("default");
      assert.equal(await documentOf(core), '{"heartbeatSeconds":60,"labels":{"site":"berlin"}}');
      assert.equal(isEmpty, false);
      const digest = createHash("sha256").update(canonicalConfigMap(configMap)).digest();
      assert.ok(hash.equals(digest));
      assert.equal(await core.settings.heartbeatMs("default"), 60_000);
    }));

  it("audits a change with its key and value, and tells whom it is for after it is on the disk", () =>
    withCore(async (core) => {
      const skip = (await actionsOf(core)).length;
      await put(core, "default", "agents.logLevel", "debug");
      await put(core, "", "agents.logLevel", "warn");
      await core.settings.remove("default", "agents.logLevel", "operator:local");
      assert.deepEqual(core.pushed, ["default", "", "default"]);
      const entries = (await core.audit.list({ limit: 100 })).slice(skip);
      assert.deepEqual(
        entries.map(({ action, subject, detail }) => [action, subject, detail?.["value"]]),
        [
          ["setting.changed", "namespace:default", "debug"],
          ["setting.changed", "every namespace", "warn"],
          ["setting.changed", "namespace:default", ""],
        ],
      );
    }));

  it("replaces a value and lists each key once", () =>
    withCore(async (core) => {
      for (const value of ["debug", "warn"]) await put(core, "", "agents.logLevel", value);
      await put(core, "default", "agents.logLevel", "error");
      assert.deepEqual(
        (await core.settings.list()).map(({ namespace, value }) => `${namespace}:${value}`),
        [":warn", "default:error"],
      );
      assert.equal((await core.settings.list("default")).length, 1);
    }));

  const refusals: { name: string; code: string; work: (core: Core) => Promise<unknown> }[] = [
    {
      name: "an unknown namespace",
      code: "api.not_found",
      work: (core) => put(core, "plant", "agents.logLevel", "warn"),
    },
    {
      name: "an unknown key",
      code: "api.invalid",
      work: (core) => put(core, "", "agents.run", "reboot"),
    },
    {
      name: "to remove what is not set",
      code: "api.not_found",
      work: (core) => core.settings.remove("default", "agents.logLevel", "operator:local"),
    },
  ];
  for (const { name, code, work } of refusals) {
    it(`refuses ${name}, and changes, audits and tells nothing`, () =>
      withCore(async (core) => {
        const before = await actionsOf(core);
        assert.equal((await refusalOf(work(core))).code, code);
        assert.deepEqual(await core.settings.list(), []);
        assert.deepEqual(await actionsOf(core), before);
        assert.deepEqual(core.pushed, []);
      }));
  }

  it("refuses the label that is one too many for a namespace, and its agents keep getting their settings", () =>
    withCore(async (core) => {
      await core.namespaces.create("plant", "operator:local");
      for (let at = 0; at < 20; at += 1) await put(core, "plant", `agents.labels.p${at}`, "x");
      for (let at = 0; at < 12; at += 1) await put(core, "", `agents.labels.g${at}`, "x");
      const before = await documentOf(core, "plant");
      for (const namespace of ["", "plant"]) {
        const refusal = await refusalOf(put(core, namespace, "agents.labels.last", "x"));
        assert.match(refusal.message, /namespace plant, it has more than 32 labels/);
      }
      assert.equal(await documentOf(core, "plant"), before);
      // Other namespaces have room, and a label that is replaced is none more.
      await put(core, "default", "agents.labels.last", "x");
      await put(core, "plant", "agents.labels.p0", "y");
    }));

  it("gives every agent what was set last, however often it was asked before", () =>
    withCore(async (core) => {
      const hashes = new Set<string>();
      const wanted = async (): Promise<string> => (await core.settings.wanted("default")).hashHex;
      for (const value of ["10", "20", "30"]) {
        await core.settings.put(
          { namespace: "", key: "agents.heartbeatSeconds", value },
          "operator:local",
        );
        hashes.add(await wanted()).add(await wanted());
      }
      await core.settings.remove("", "agents.heartbeatSeconds", "operator:local");
      hashes.add(await wanted());
      assert.equal(hashes.size, 4);
    }));

  it("remembers nothing that it began to look up before a change", () =>
    withCore(async (core) => {
      const early = core.settings.wanted("default");
      const change = core.settings.put(
        { namespace: "", key: "agents.heartbeatSeconds", value: "10" },
        "operator:local",
      );
      await Promise.all([early, change]);
      assert.equal((await core.settings.wanted("default")).isEmpty, false);
    }));
});
