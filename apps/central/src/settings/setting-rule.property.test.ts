import assert from "node:assert/strict";
import { it } from "node:test";
import { AGENT_SETTINGS_KEYS, isTautlineError, parseAgentSettings } from "@tautline/protocol";
import * as fc from "fast-check";
import { requireSetting, requireTogether, type Setting, settingsDocument } from "./setting-rule.ts";

const keys = fc.oneof(
  fc.constantFrom(...Object.keys(AGENT_SETTINGS_KEYS).map((key) => `agents.${key}`)),
  fc.string({ maxLength: 20 }).map((text) => `agents.labels.${text}`),
  fc.string({ maxLength: 20 }).map((text) => `agents.forwards.${text}`),
  fc.constantFrom("agents.forwards.db", "agents.forwards.web"),
  fc.string({ maxLength: 20 }).map((text) => `agents.${text}`),
  fc.constantFrom("agents.__proto__", "agents.labels.__proto__", "agents.labels.site", "agents"),
  fc.string({ unit: "binary" }),
);
const values = fc.oneof(
  fc.nat({ max: 4_000 }).map(String),
  fc.constantFrom("debug", "warn", "berlin", "", "{}", "null", "1e3", "0x10"),
  fc.nat({ max: 4 }).map((port) => `127.0.0.1:${port}`),
  fc.string({ unit: "binary", maxLength: 200 }),
);
const settings = fc.array(
  fc.record({ namespace: fc.constantFrom("", "plant", "lab"), key: keys, value: values }),
  { maxLength: 60 },
);

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    assert.ok(isTautlineError(error) && error.code === "api.invalid", String(error));
    return false;
  }
}

it("any key and value is refused as api.invalid, or makes a document that an agent takes", () => {
  fc.assert(
    fc.property(keys, values, (key, value) => {
      if (!passes(() => requireSetting(key, value))) return;
      const document = settingsDocument([{ namespace: "", key, value }], "plant");
      assert.notEqual(document, "{}");
      parseAgentSettings(document);
    }),
  );
});

it("settings that were let pass one after the other give every namespace a document, in one spelling", () => {
  fc.assert(
    fc.property(settings, (wanted) => {
      const kept = new Map<string, Setting>();
      for (const setting of wanted) {
        const { namespace, key, value } = setting;
        const next = new Map(kept).set(`${namespace} ${key}`, setting);
        const affected = namespace === "" ? ["plant", "lab"] : [namespace];
        const taken =
          passes(() => requireSetting(key, value)) &&
          passes(() => requireTogether([...next.values()], affected, key));
        if (taken) kept.set(`${namespace} ${key}`, setting);
      }
      const all = [...kept.values()];
      for (const namespace of ["plant", "lab"]) {
        const document = settingsDocument(all, namespace);
        parseAgentSettings(document);
        assert.equal(settingsDocument(all.toReversed(), namespace), document);
      }
    }),
  );
});

it("no setting changes a prototype", () => {
  fc.assert(
    fc.property(settings, (wanted) => {
      for (const { key, value } of wanted) passes(() => requireSetting(key, value));
      assert.deepEqual(Object.keys(Object.prototype), []);
    }),
  );
});
