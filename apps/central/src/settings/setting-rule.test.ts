import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LIMITS, parseAgentSettings } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { requireSetting, requireTogether, type Setting, settingsDocument } from "./setting-rule.ts";

const set = (namespace: string, key: string, value: string): Setting => ({ namespace, key, value });

describe("settingsDocument", () => {
  const rows: { name: string; settings: Setting[]; document: string }[] = [
    { name: "nothing is set", settings: [], document: "{}" },
    {
      name: "a setting of every namespace",
      settings: [set("", "agents.heartbeatSeconds", "60")],
      document: '{"heartbeatSeconds":60}',
    },
    {
      name: "a namespace's own setting over that of every one",
      settings: [set("plant", "agents.logLevel", "debug"), set("", "agents.logLevel", "warn")],
      document: '{"logLevel":"debug"}',
    },
    {
      name: "nothing of another namespace",
      settings: [set("lab", "agents.logLevel", "debug")],
      document: "{}",
    },
    {
      name: "labels of both layers, one by one",
      settings: [
        set("", "agents.labels.site", "berlin"),
        set("", "agents.labels.role", "web"),
        set("plant", "agents.labels.site", "00123"),
      ],
      document: '{"labels":{"role":"web","site":"00123"}}',
    },
    {
      name: "forwards of both layers, one by one",
      settings: [
        set("", "agents.forwards.db", "127.0.0.1:5432"),
        set("", "agents.forwards.web", "127.0.0.1:8080"),
        set("plant", "agents.forwards.db", "[::1]:5432"),
      ],
      document: '{"forwards":{"db":"[::1]:5432","web":"127.0.0.1:8080"}}',
    },
    {
      name: "keys in one order, whatever order they were set in",
      settings: [set("", "agents.logLevel", "info"), set("", "agents.heartbeatSeconds", "5")],
      document: '{"heartbeatSeconds":5,"logLevel":"info"}',
    },
  ];
  for (const { name, settings, document } of rows) {
    it(`gives agents of a namespace ${name}`, () => {
      assert.equal(settingsDocument(settings, "plant"), document);
      parseAgentSettings(document);
    });
  }
});

describe("requireSetting", () => {
  const accepted: [string, string][] = [
    ["agents.heartbeatSeconds", "5"],
    ["agents.heartbeatSeconds", "3600"],
    ["agents.logLevel", "debug"],
    ["agents.labels.site", "berlin"],
    ["agents.labels.site", "42"],
    ["agents.labels.site", "$(id)"],
    ["agents.labels.site", "x".repeat(LIMITS.settingsLabelValueCharacters.value)],
    ["agents.forwards.db", "127.0.0.1:5432"],
    ["agents.forwards.0-1", "[::1]:65535"],
    [`agents.labels.${"a".repeat(LIMITS.settingsLabelKeyCharacters.value)}`, "x"],
  ];
  for (const [key, value] of accepted) {
    it(`accepts ${key.slice(0, 40)} = ${value.slice(0, 20)}`, () => {
      requireSetting(key, value);
      assert.notEqual(settingsDocument([set("", key, value)], ""), "{}");
    });
  }

  const refused: { key: string; value: string; reason: RegExp }[] = [
    { key: "heartbeatSeconds", value: "60", reason: /starts with 'agents\.'/ },
    { key: "", value: "60", reason: /starts with 'agents\.'/ },
    { key: "central.addresses", value: "", reason: /names no address/ },
    { key: "central.addresses", value: "central.example", reason: /not host:port/ },
    { key: "central.addresses", value: "a:1, b:1 a:1", reason: /twice/ },
    { key: "central.addresses", value: "[fe80::1%eth0]:9150", reason: /not host:port/ },
    { key: "central.address", value: "a:1", reason: /no such key/ },
    { key: "agents.", value: "60", reason: /no such key/ },
    { key: "agents.heartbeat", value: "60", reason: /no such key/ },
    { key: "agents.toString", value: "60", reason: /no such key/ },
    { key: "agents.command", value: "reboot", reason: /no such key/ },
    { key: "agents.heartbeatSeconds", value: "4", reason: /from 5 to 3600/ },
    { key: "agents.heartbeatSeconds", value: "3601", reason: /from 5 to 3600/ },
    { key: "agents.heartbeatSeconds", value: "30s", reason: /from 5 to 3600/ },
    { key: "agents.heartbeatSeconds", value: "1e3", reason: /from 5 to 3600/ },
    { key: "agents.heartbeatSeconds", value: "", reason: /from 5 to 3600/ },
    { key: "agents.heartbeatSeconds", value: "9".repeat(400), reason: /from 5 to 3600/ },
    { key: "agents.logLevel", value: "DEBUG", reason: /debug, info, warn, error/ },
    { key: "agents.logLevel", value: "5", reason: /debug, info, warn, error/ },
    { key: "agents.labels", value: '{"a":"b"}', reason: /one by one/ },
    { key: "agents.labels.", value: "x", reason: /cannot be the key/ },
    { key: "agents.labels.Site", value: "x", reason: /cannot be the key/ },
    { key: `agents.labels.${"a".repeat(64)}`, value: "x", reason: /cannot be the key/ },
    { key: "agents.labels.site", value: "a\nb", reason: /printable/ },
    { key: "agents.labels.site", value: "x".repeat(129), reason: /at most 128/ },
    { key: "agents.forwards", value: '{"db":"127.0.0.1:1"}', reason: /one by one/ },
    { key: "agents.forwards.", value: "127.0.0.1:1", reason: /cannot be the name/ },
    { key: "agents.forwards.Db", value: "127.0.0.1:1", reason: /cannot be the name/ },
    { key: "agents.forwards.constructor", value: "127.0.0.1:1", reason: /cannot be the name/ },
    { key: "agents.forwards.__proto__", value: "127.0.0.1:1", reason: /cannot be the name/ },
    { key: "agents.forwards.db", value: "0.0.0.0:5432", reason: /it is not 127\.0\.0\.1:PORT/ },
    { key: "agents.forwards.db", value: "db.example:5432", reason: /it is not 127\.0\.0\.1:PORT/ },
    {
      key: "agents.forwards.db",
      value: "unix:/run/db.sock",
      reason: /it is not 127\.0\.0\.1:PORT/,
    },
    { key: "agents.forwards.db", value: "127.0.0.1:0", reason: /a port from 1 to 65535/ },
    { key: "agents.forwards.db", value: "5432", reason: /it is not 127\.0\.0\.1:PORT/ },
    { key: "agents.__proto__", value: "x", reason: /no such key/ },
    { key: "agents.constructor", value: "x", reason: /no such key/ },
    { key: "agents.labels.__proto__", value: "x", reason: /cannot be the key/ },
    { key: "agents.labels.constructor", value: "x", reason: /cannot be the key/ },
    { key: "agents.labels.prototype", value: "x", reason: /cannot be the key/ },
  ];
  for (const { key, value, reason } of refused) {
    it(`refuses ${key.slice(0, 40)} = ${JSON.stringify(value.slice(0, 20))}, naming the key`, async () => {
      const refusal = await refusalOf(() => requireSetting(key, value), "api.invalid");
      assert.equal(refusal.detail["path"], key);
      assert.match(String(refusal.detail["reason"]), reason);
      assert.equal("polluted" in {}, false);
    });
  }
});

it("central's addresses are a setting of central's: no agent's document carries them", () => {
  const value = "central.example:9150, [2001:db8::1]:9150";
  requireSetting("central.addresses", value);
  assert.equal(settingsDocument([set("", "central.addresses", value)], "plant"), "{}");
});

const labels = (namespace: string, from: number, count: number): Setting[] =>
  Array.from({ length: count }, (_, at) => set(namespace, `agents.labels.l${from + at}`, "x"));

describe("requireTogether", () => {
  const limit = LIMITS.settingsLabels.value;

  it("accepts as many labels as an agent takes, over all layers", () => {
    const settings = [...labels("", 0, 20), ...labels("plant", 20, limit - 20)];
    requireTogether(settings, ["plant", "lab"], "agents.labels.l31");
  });

  it("refuses one label more, naming the key and the namespace it is too many for", async () => {
    const settings = [...labels("", 0, 20), ...labels("plant", 20, limit - 20 + 1)];
    requireTogether(settings, ["lab"], "agents.labels.l0");
    const refusal = await refusalOf(
      () => requireTogether(settings, ["lab", "plant"], "agents.labels.l32"),
      "api.invalid",
    );
    assert.match(refusal.message, /agents\.labels\.l32.*namespace plant.*more than 32 labels/);
  });

  it("refuses two forwards that would listen at one place, naming the namespace they meet in", async () => {
    const settings = [
      set("", "agents.forwards.db", "127.0.0.1:5432"),
      set("plant", "agents.forwards.web", "127.0.0.1:5432"),
    ];
    requireTogether(settings, ["lab"], "agents.forwards.db");
    const refusal = await refusalOf(
      () => requireTogether(settings, ["lab", "plant"], "agents.forwards.web"),
      "api.invalid",
    );
    assert.match(refusal.message, /agents\.forwards\.web.*namespace plant.*'db' listens there/);
  });
});
