import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import { isTautlineError, type Level } from "@tautline/protocol";
import { agentConfigSchema, type AgentConfig } from "../config.ts";
import { legacyWish, type LegacyFlags } from "./legacy-wish.ts";

const config = (yaml: string): AgentConfig =>
  parseConfig("agent", "agent.yaml", yaml, agentConfigSchema);
const HOST = { hostName: "host", filesLevel: undefined } as const;
const FILE =
  "central: { level: basic, addresses: [a, b:1], key: { name: site, namespace: n, file: /k } }\nname: web-1";

test("without flags the settings file alone says it", () => {
  assert.deepEqual(legacyWish(undefined, config(FILE), HOST), {
    addresses: ["a", "b:1"],
    level: "basic",
    key: { name: "site", namespace: "n", file: "/k" },
    name: "web-1",
  });
});

test("flags stand above the file, each by itself", () => {
  const flags = { central: "ws://c", level: "advanced" } as const;
  const key = { name: "site", namespace: "n", file: "/k" };
  assert.deepEqual(legacyWish(flags, config(FILE), HOST), {
    addresses: ["c:9150"],
    level: "advanced",
    key,
    name: "web-1",
  });
  const more = { ...flags, keyFile: "/other", keyName: "legacy#2", name: "web-2" };
  assert.deepEqual(legacyWish(more, config(FILE), HOST), {
    addresses: ["c:9150"],
    level: "advanced",
    key: { ...key, name: "legacy#2", file: "/other" },
    name: "web-2",
  });
});

test("plaintext needs no key, and the host's name is the last that counts", () => {
  const wish = legacyWish({ central: "c", level: "plaintext" }, config(""), HOST);
  assert.deepEqual([wish?.addresses, wish?.name, wish?.key.file], [["c:8787"], "host", undefined]);
});

test("where nobody asked for it there is none", () => {
  for (const yaml of [
    "",
    "central: { addresses: [a] }",
    "central: { level: mtls, addresses: [a] }",
  ]) {
    assert.equal(legacyWish(undefined, config(yaml), HOST), undefined);
  }
});

const FOUND = "central: { addresses: [a] }";
const FILES: [name: string, flags: LegacyFlags | undefined, yaml: string, files: "tls" | "mtls"][] =
  [
    ["SW-5: files switch tls on by themselves", undefined, FOUND, "tls"],
    ["SW-7: with a pair of its own it is mtls", undefined, FOUND, "mtls"],
    ["SW-5: flags need not say what files give", { central: "c" }, "", "tls"],
    ["what flags ask for is what files give", { central: "c", level: "tls" }, "", "tls"],
    [
      "the same by the settings file",
      undefined,
      "central: { level: mtls, addresses: [a] }",
      "mtls",
    ],
  ];
for (const [name, flags, yaml, filesLevel] of FILES) {
  test(name, () => {
    const wish = legacyWish(flags, config(yaml), { hostName: "host", filesLevel });
    assert.equal(wish?.level, filesLevel);
  });
}

const AGAINST: [level: Level, files: "tls" | "mtls", reason: RegExp][] = [
  ["plaintext", "tls", /its files switch tls on/],
  ["basic", "mtls", /its files switch mtls on/],
  ["tls", "mtls", /its files switch mtls on/],
  ["mtls", "tls", /no certificate of its own/],
];
for (const [level, filesLevel, reason] of AGAINST) {
  test(`refused: ${level} where files give ${filesLevel}`, () => {
    const flags = { central: "c", level, keyFile: "/k" };
    assert.throws(
      () => legacyWish(flags, config(""), { hostName: "host", filesLevel }),
      (error) =>
        isTautlineError(error) && error.code === "agent.legacy_level" && reason.test(error.message),
    );
  });
}

const REFUSED: [name: string, flags: LegacyFlags | undefined, yaml: string, code: string][] = [
  ["a place, and neither level nor files", { central: "c" }, "", "agent.level_missing"],
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
      () => legacyWish(flags, config(yaml), HOST),
      (error) => isTautlineError(error) && error.code === code,
    );
  });
}
