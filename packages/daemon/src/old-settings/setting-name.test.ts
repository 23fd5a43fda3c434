import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSettingName, resembles } from "./setting-name.ts";

describe("readSettingName", () => {
  const table: [string, { prefix: string; setting: string } | undefined][] = [
    ["encrypt", { prefix: "", setting: "encrypt" }],
    ["takipi.encrypt", { prefix: "takipi.", setting: "encrypt" }],
    ["takipi.encrypt.fast", { prefix: "takipi.", setting: "encrypt.fast" }],
    ["com.example.encrypt.key", { prefix: "com.example.", setting: "encrypt.key" }],
    ["takipi.collector.host", { prefix: "takipi.", setting: "collector.host" }],
    ["takipi.encryption", undefined],
    ["takipi.reencrypt", undefined],
    ["takipi.Encrypt", undefined],
    ["takipi.encrypt.", undefined],
  ];
  for (const [name, parts] of table) {
    it(`takes ${name} apart`, () => assert.deepEqual(readSettingName(name), parts));
  }
});

describe("resembles", () => {
  const near = [
    "takipi.encrypt.fats",
    "takipi.Encrypt",
    "takipi.encypt",
    "takipi.ecnrypt",
    "takipi.encrypts.fast",
    "takipi.emcrypt.key",
    "takipi.encryp",
    "takipi_encrypt",
  ];
  for (const name of near)
    it(`finds ${name} too close to be passed over`, () => assert.ok(resembles(name)));

  for (const name of ["takipi.encryption", "takipi.server.name", "takipi.entry", "", "."]) {
    it(`leaves '${name}' alone`, () => assert.ok(!resembles(name)));
  }
});
