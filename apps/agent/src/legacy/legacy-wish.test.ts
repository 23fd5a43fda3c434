import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import { isTautlineError } from "@tautline/protocol";
import { agentConfigSchema, type AgentConfig } from "../config.ts";
import { legacyWish, type LegacyFlags } from "./legacy-wish.ts";

const config = (yaml: string): AgentConfig =>
  parseConfig("agent", "agent.yaml", yaml, agentConfigSchema);
const FILE =
  "central: { level: basic, addresses: [a, b:1], key: { name: site, namespace: n, file: /k } }\nname: web-1";

test("without flags the settings file alone says it", () => {
  assert.deepEqual(legacyWish(undefined, config(FILE), "host"), {
    addresses: ["a", "b:1"],
    level: "basic",
    key: { name: "site", namespace: "n", file: "/k" },
    name: "web-1",
  });
});

test("flags stand above the file, each by itself", () => {
  const flags = { central: "ws://c", level: "advanced" } as const;
  const key = { name: "site", namespace: "n", file: "/k" };
  assert.deepEqual(legacyWish(flags, config(FILE), "host"), {
    addresses: ["c:9150"],
    level: "advanced",
    key,
    name: "web-1",
  });
  const more = { ...flags, keyFile: "/other", keyName: "legacy#2", name: "web-2" };
  assert.deepEqual(legacyWish(more, config(FILE), "host"), {
    addresses: ["c:9150"],
    level: "advanced",
    key: { ...key, name: "legacy#2", file: "/other" },
    name: "web-2",
  });
});

test("plaintext needs no key, and the host's name is the last that counts", () => {
  const wish = legacyWish({ central: "c", level: "plaintext" }, config(""), "host");
  assert.deepEqual([wish?.addresses, wish?.name, wish?.key.file], [["c:8787"], "host", undefined]);
});

test("where nobody asked for it there is none", () => {
  for (const yaml of [
    "",
    "central: { addresses: [a] }",
    "central: { level: mtls, addresses: [a] }",
  ]) {
    assert.equal(legacyWish(undefined, config(yaml), "host"), undefined);
  }
});

const REFUSED: [name: string, flags: LegacyFlags | undefined, yaml: string, code: string][] = [
  ["a key level without a key", { central: "c", level: "basic" }, "", "agent.key_missing"],
  ["tls, which needs somebody to trust", { central: "c", level: "tls" }, "", "agent.legacy_level"],
  ["mtls, which needs an identity", { central: "c", level: "mtls" }, "", "agent.legacy_level"],
  ["tls by the file", undefined, "central: { level: tls, addresses: [a] }", "agent.legacy_level"],
  ["a level and no address", undefined, "central: { level: plaintext }", "agent.legacy_address"],
  ["a place that is none", { central: "c/x", level: "basic" }, "", "agent.central_url"],
];
for (const [name, flags, yaml, code] of REFUSED) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => legacyWish(flags, config(yaml), "host"),
      (error) => isTautlineError(error) && error.code === code,
    );
  });
}
