import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import { agentConfigSchema } from "../config.ts";
import { offeredCrypto } from "./crypto-settings.ts";

const parse = (text: string) => parseConfig("agent", "agent.yaml", text, agentConfigSchema);

test("crypto agility: groups and suites are settings, and where there are none the defaults stand", () => {
  const text = "central: { keyExchange: [MLKEM1024, P-384], suites: [TLS_AES_128_GCM_SHA256] }\n";
  assert.deepEqual(offeredCrypto(parse(text).central), {
    groups: ["MLKEM1024", "P-384"],
    suites: ["TLS_AES_128_GCM_SHA256"],
  });
  assert.deepEqual(offeredCrypto(parse("").central), { groups: undefined, suites: undefined });
});

for (const [text, place] of [
  ["keyExchange: []", /central\.keyExchange/],
  ["keyExchange: [MLKEM512]", /central\.keyExchange/],
  ["keyExchange: [X25519, X25519]", /central\.keyExchange: a group stands there twice/],
  ["suites: []", /central\.suites/],
  ["suites: [TLS_AES_128_CCM_SHA256]", /central\.suites/],
  ["suites: [TLS_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]", /central\.suites: a suite stands/],
] as const) {
  test(`SWP-1: ${text} is refused by its key`, () => {
    assert.throws(() => parse(`central: { ${text} }\n`), {
      code: "config.invalid",
      message: place,
    });
  });
}
