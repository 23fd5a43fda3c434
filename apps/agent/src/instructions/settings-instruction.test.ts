import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  AGENT_SETTINGS_FILE,
  AgentConfigMapSchema,
  AgentRemoteConfigSchema,
  canonicalConfigMap,
  isTautlineError,
  type AgentRemoteConfig,
  type ErrorCode,
} from "@tautline/protocol";
import { readSettingsInstruction } from "./settings-instruction.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const contentType = "application/json";

/** An offer of files with its right hash. */
function offer(files: Readonly<Record<string, Uint8Array>>): AgentRemoteConfig {
  const entries = Object.entries(files).map(([name, body]) => [name, { body, contentType }]);
  const config = create(AgentConfigMapSchema, { configMap: Object.fromEntries(entries) });
  const configHash = createHash("sha256").update(canonicalConfigMap(config)).digest();
  return create(AgentRemoteConfigSchema, { config, configHash });
}

/** The instruction that signs an offer. */
function about({ configHash }: AgentRemoteConfig): Parameters<typeof readSettingsInstruction>[0] {
  return {
    namespace: "default",
    agentId: "0190a000-0000-7000-8000-000000000001",
    kind: "settings",
    seq: 1n,
    signerEpoch: 1,
    createdMs: 0,
    expiresMs: 1,
    digest: configHash,
  };
}

const good = offer({ [AGENT_SETTINGS_FILE]: encode('{"heartbeatSeconds":60}') });

test("settings are read from the one file, what they leave out takes its default", () => {
  const settings = readSettingsInstruction(about(good), good);
  assert.deepEqual(settings, { heartbeatSeconds: 60, logLevel: "info", labels: {} });
});

const REFUSED: [name: string, given: AgentRemoteConfig, code: ErrorCode][] = [
  ["no file", offer({}), "instruction.malformed"],
  ["another file", offer({ "other.json": encode("{}") }), "instruction.malformed"],
  [
    "a second file",
    offer({ [AGENT_SETTINGS_FILE]: encode("{}"), "run.sh": encode("#!/bin/sh") }),
    "instruction.malformed",
  ],
  [
    "settings that are not UTF-8",
    offer({ [AGENT_SETTINGS_FILE]: Uint8Array.of(0xff) }),
    "instruction.malformed",
  ],
  [
    "settings out of range",
    offer({ [AGENT_SETTINGS_FILE]: encode('{"heartbeatSeconds":1}') }),
    "value.agent_settings",
  ],
];
for (const [name, given, code] of REFUSED) {
  test(`${name}, though rightly signed, is refused as ${code}`, () => {
    assert.throws(
      () => readSettingsInstruction(about(given), given),
      (error) => isTautlineError(error) && error.code === code,
    );
  });
}

const mismatch = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "instruction.digest_mismatch";

test("the digest must be that of the files, and so must the hash that OpAMP carries", () => {
  const other = offer({ [AGENT_SETTINGS_FILE]: encode("{}") });
  assert.throws(() => readSettingsInstruction(about(good), other), mismatch);
  const { config } = good;
  assert.ok(config !== undefined);
  const lying = create(AgentRemoteConfigSchema, { config, configHash: other.configHash });
  assert.throws(() => readSettingsInstruction(about(good), lying), mismatch);
  assert.throws(() => readSettingsInstruction(about(good), undefined), mismatch);
  const empty = create(AgentRemoteConfigSchema, { configHash: good.configHash });
  assert.throws(() => readSettingsInstruction(about(good), empty), mismatch);
});
