import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import { centralConfigSchema } from "../config.ts";
import { acceptedCrypto } from "./crypto-settings.ts";

const parse = (text: string) => parseConfig("central", "central.yaml", text, centralConfigSchema);

test("crypto agility: groups and suites are settings, and where there are none the defaults stand", () => {
  const text = "agents: { keyExchange: [MLKEM1024, P-384], suites: [TLS_AES_128_GCM_SHA256] }\n";
  assert.deepEqual(acceptedCrypto(parse(text).agents), {
    groups: ["MLKEM1024", "P-384"],
    suites: ["TLS_AES_128_GCM_SHA256"],
  });
  assert.deepEqual(acceptedCrypto(parse("").agents), { groups: undefined, suites: undefined });
});

for (const [text, place] of [
  ["keyExchange: []", /agents\.keyExchange/],
  ["keyExchange: [MLKEM512]", /agents\.keyExchange/],
  ["keyExchange: [X25519, X25519]", /agents\.keyExchange: a group stands there twice/],
  ["suites: []", /agents\.suites/],
  ["suites: [TLS_AES_128_CCM_SHA256]", /agents\.suites/],
  ["suites: [TLS_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]", /agents\.suites: a suite stands/],
] as const) {
  test(`SWP-1: ${text} is refused by its key`, () => {
    assert.throws(() => parse(`agents: { ${text} }\n`), { code: "config.invalid", message: place });
  });
}
