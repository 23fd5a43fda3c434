import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_AGENT_SETTINGS } from "@tautline/protocol";
import { sampleCommitted, sampleJoining } from "../test/sample-states.ts";
import { loadAgentConfig, type AgentConfig } from "./config.ts";
import { logLevel } from "./log.ts";

const byCentral = loadAgentConfig(undefined);
const local: AgentConfig = { ...byCentral, log: { level: "error" } };
const told = {
  ...sampleCommitted,
  last: {
    ...sampleCommitted.last,
    settings: { ...DEFAULT_AGENT_SETTINGS, logLevel: "debug" as const },
  },
};

test("central sets how much is logged, unless the local settings do", () => {
  assert.equal(logLevel(byCentral, undefined), "info");
  assert.equal(logLevel(byCentral, sampleJoining), "info");
  assert.equal(logLevel(byCentral, told), "debug");
  assert.equal(logLevel(local, told), "error");
});
