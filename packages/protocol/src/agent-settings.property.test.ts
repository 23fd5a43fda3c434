import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LOG_LEVELS } from "./agent-settings-keys.ts";
import {
  DEFAULT_AGENT_SETTINGS,
  formatAgentSettings,
  parseAgentSettings,
} from "./agent-settings.ts";
import { isForbiddenKey } from "./json.ts";

const labelKey = fc
  .stringMatching(/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
  .filter((k) => !isForbiddenKey(k));

const anySettings = fc.record(
  {
    heartbeatSeconds: fc.integer({ min: 5, max: 3600 }),
    logLevel: fc.constantFrom(...LOG_LEVELS),
    labels: fc.dictionary(labelKey, fc.stringMatching(/^[ -~]{0,128}$/), {
      maxKeys: 32,
      noNullPrototype: true,
    }),
    forwards: fc
      .uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 16 })
      .map((ports) => Object.fromEntries(ports.map((port) => [`p${port}`, `[::1]:${port}`]))),
  },
  { requiredKeys: [], noNullPrototype: true },
);

test("what is written is read as the same settings, and written again as the same text", () => {
  fc.assert(
    fc.property(anySettings, (settings) => {
      const text = formatAgentSettings(settings);
      const read = parseAgentSettings(text);
      assert.deepEqual(read, { ...DEFAULT_AGENT_SETTINGS, ...settings });
      const whole = formatAgentSettings(read);
      assert.equal(formatAgentSettings(parseAgentSettings(whole)), whole);
    }),
  );
});
