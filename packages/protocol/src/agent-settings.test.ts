import assert from "node:assert/strict";
import { test } from "node:test";
import { AGENT_SETTINGS_KEYS, type AgentSettings } from "./agent-settings-keys.ts";
import {
  AGENT_SETTINGS_FILE,
  DEFAULT_AGENT_SETTINGS,
  formatAgentSettings,
  parseAgentSetting,
  parseAgentSettings,
} from "./agent-settings.ts";
import { LIMITS } from "./limits.ts";

const labelsOf = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${at}`, "v"]));

test("an empty document gives the defaults, which are as documented", () => {
  assert.deepEqual(parseAgentSettings("{}"), DEFAULT_AGENT_SETTINGS);

  assert.deepEqual(DEFAULT_AGENT_SETTINGS, { heartbeatSeconds: 30, logLevel: "info", labels: {} });
  assert.equal(AGENT_SETTINGS_FILE, "tautline.json");
});

test("keys that are set replace their defaults", () => {
  const text = '{"heartbeatSeconds":5,"labels":{"site":"Zürich 1"}}';
  assert.deepEqual(parseAgentSettings(text), {
    heartbeatSeconds: 5,
    logLevel: "info",
    labels: { site: "Zürich 1" },
  });
});

test("settings cannot be changed by who reads them", () => {
  const settings = parseAgentSettings('{"labels":{"a":"b"}}');
  assert.ok(Object.isFrozen(settings) && Object.isFrozen(settings.labels));
  assert.ok(
    Object.isFrozen(DEFAULT_AGENT_SETTINGS) && Object.isFrozen(DEFAULT_AGENT_SETTINGS.labels),
  );
});

/** [document, the path the refusal names, the reason]. */
const REFUSED: [string, string, RegExp][] = [
  ["", "the document", /not JSON/],
  ["[]", "the document", /not a JSON object/],
  ["null", "the document", /not a JSON object/],
  ['"a"', "the document", /not a JSON object/],
  ['{"a":1,"a":2}', "the document", /twice/],
  ['{"__proto__":{}}', "the document", /__proto__/],
  ['{"command":"/bin/sh"}', "command", /no such key/],
  ['{"toString":1}', "toString", /no such key/],
  ['{"heartbeatseconds":30}', "heartbeatseconds", /no such key/],
  ['{"heartbeatSeconds":4}', "heartbeatSeconds", /from 5 to 3600/],
  ['{"heartbeatSeconds":3601}', "heartbeatSeconds", /from 5 to 3600/],
  ['{"heartbeatSeconds":30.5}', "heartbeatSeconds", /from 5 to 3600/],
  ['{"heartbeatSeconds":"30"}', "heartbeatSeconds", /from 5 to 3600/],
  ['{"heartbeatSeconds":null}', "heartbeatSeconds", /from 5 to 3600/],
  ['{"logLevel":"INFO"}', "logLevel", /one of debug, info, warn, error/],
  ['{"logLevel":"silent"}', "logLevel", /one of/],
  ['{"logLevel":["info"]}', "logLevel", /one of/],
  ['{"labels":[]}', "labels", /not an object/],
  ['{"labels":null}', "labels", /not an object/],
  ['{"labels":{"Site":"a"}}', "labels.Site", /cannot be the key/],
  ['{"labels":{"1":"a"}}', "labels.1", /cannot be the key/],
  ['{"labels":{"":"a"}}', "labels.", /cannot be the key/],
  ['{"labels":{"a-":"a"}}', "labels.a-", /cannot be the key/],
  ['{"labels":{"a":1}}', "labels.a", /not a text/],
  ['{"labels":{"a":"b\\n"}}', "labels.a", /not a text/],
  ['{"labels":{"a":"\\u202e"}}', "labels.a", /not a text/],
  [`{"labels":{"${"a".repeat(64)}":"b"}}`, `labels.${"a".repeat(64)}`, /cannot be the key/],
  [`{"labels":{"a":"${"b".repeat(129)}"}}`, "labels.a", /at most 128/],
  [`{"labels":${JSON.stringify(labelsOf(33))}}`, "labels", /more than 32/],
];

for (const [text, path, reason] of REFUSED) {
  test(`the settings ${text.slice(0, 40)} are refused at ${path.slice(0, 20)}`, () => {
    assert.throws(
      () => parseAgentSettings(text),
      (error: { code: string; detail: Record<string, string> }) => {
        assert.equal(error.code, "value.agent_settings");
        assert.equal(error.detail["path"], path);
        assert.match(error.detail["reason"] ?? "", reason);
        return true;
      },
    );
  });
}

test("everything at its limit passes", () => {
  const key = "a".repeat(LIMITS.settingsLabelKeyCharacters.value);
  const labels = { ...labelsOf(31), [key]: "😀".repeat(LIMITS.settingsLabelValueCharacters.value) };
  for (const heartbeatSeconds of [5, 3600]) {
    const settings = { heartbeatSeconds, logLevel: "error" as const, labels };
    assert.deepEqual(parseAgentSettings(formatAgentSettings(settings)), settings);
  }
});

test("a document over 64 KiB is refused", () => {
  const padded = "{}".padEnd(LIMITS.settingsBytes.value, " ");
  assert.deepEqual(parseAgentSettings(padded), DEFAULT_AGENT_SETTINGS);
  assert.throws(() => parseAgentSettings(`${padded} `), /larger than 65536 bytes/);
});

test("what is written is canonical: only the given keys, in order, without spaces", () => {
  const settings = { logLevel: "warn", labels: { b: "1", a: "2" }, heartbeatSeconds: 10 } as const;
  const text = '{"heartbeatSeconds":10,"labels":{"a":"2","b":"1"},"logLevel":"warn"}';
  assert.equal(formatAgentSettings(settings), text);
  assert.equal(formatAgentSettings({}), "{}");
});

test("nothing is written that would not be read", () => {
  const tooOften = { heartbeatSeconds: 1 };
  const forbiddenKey = { labels: { constructor: "a" } as Record<string, string> };
  for (const settings of [tooOften, forbiddenKey]) {
    assert.throws(() => formatAgentSettings(settings), { code: "value.agent_settings" });
  }
});

/** [key, what a person wrote, the settings or the reason of the refusal]. */
const WRITTEN: [string, string, Partial<AgentSettings> | RegExp][] = [
  ["heartbeatSeconds", "10", { heartbeatSeconds: 10 }],
  ["heartbeatSeconds", "10s", /from 5 to 3600/],
  ["heartbeatSeconds", "", /from 5 to 3600/],
  ["heartbeatSeconds", "1e1", /from 5 to 3600/],
  ["logLevel", "debug", { logLevel: "debug" }],
  ["logLevel", '"debug"', /one of/],
  ["labels", '{"site":"berlin"}', { labels: { site: "berlin" } }],
  ["labels", "site=berlin", /not JSON/],
  ["labels", '{"site":1}', /not a text/],
  ["forwards", '{"db":"127.0.0.1:5432"}', { forwards: { db: "127.0.0.1:5432" } }],
  ["forwards", "db=127.0.0.1:5432", /not JSON/],
  ["floor", "plaintext", /no such key/],
  ["hasOwnProperty", "1", /no such key/],
];

for (const [key, text, expected] of WRITTEN) {
  test(`the setting ${key} written as '${text}' is ${expected instanceof RegExp ? "refused" : "read"}`, () => {
    if (expected instanceof RegExp) {
      const refusal = { code: "value.agent_settings", message: expected };
      assert.throws(() => parseAgentSetting(key, text), refusal);
    } else {
      assert.deepEqual(parseAgentSetting(key, text), expected);
    }
  });
}

test("no agent setting names a command, a user or a path", () => {
  assert.deepEqual(Object.keys(AGENT_SETTINGS_KEYS), [
    "forwards",
    "heartbeatSeconds",
    "labels",
    "logLevel",
  ]);
  for (const row of Object.values(AGENT_SETTINGS_KEYS)) assert.match(row.meaning, /^[A-Z].*\.$/);
});
