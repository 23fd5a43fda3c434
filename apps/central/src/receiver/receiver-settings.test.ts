import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadCentralConfig } from "../config.ts";
import {
  changeReceiver,
  firstReceiverSettings,
  receiverLevels,
  type ReceiverSettings,
} from "./receiver-settings.ts";

const NOTHING = { receiver: {}, "receiver-plaintext": {} };
const { receiver: config } = loadCentralConfig(undefined);
const FRESH = firstReceiverSettings(config, NOTHING);
const OPEN: ReceiverSettings = {
  receiver: { bind: "public", port: 1, levels: ["tls", "mtls"] },
  "receiver-plaintext": { bind: "public", port: 2 },
};

describe("the ports for telemetry", () => {
  it("are off on a fresh install, at the numbers of SkyWalking", () => {
    assert.deepEqual(FRESH, {
      receiver: { bind: "off", port: 11_801, levels: ["tls", "mtls"] },
      "receiver-plaintext": { bind: "off", port: 11_800 },
    });
    assert.deepEqual(receiverLevels(FRESH, "receiver"), []);
    assert.deepEqual(receiverLevels(FRESH, "receiver-plaintext"), []);
  });

  it("what was set while central ran stands above the file", () => {
    const kept = {
      receiver: { bind: "loopback", levels: ["mtls"] },
      "receiver-plaintext": { port: 5 },
    } as const;
    const first = firstReceiverSettings(config, kept);
    assert.deepEqual(first.receiver, { bind: "loopback", port: 11_801, levels: ["mtls"] });
    assert.deepEqual(first["receiver-plaintext"], { bind: "off", port: 5 });
  });

  it("open where they are given a port or levels, and stay as they are else", () => {
    assert.equal(changeReceiver(FRESH, "receiver", { port: 0 }).receiver.bind, "public");
    assert.equal(changeReceiver(FRESH, "receiver", { levels: ["mtls"] }).receiver.bind, "public");
    const moved = changeReceiver(OPEN, "receiver", { port: 7 });
    assert.deepEqual(moved, { ...OPEN, receiver: { ...OPEN.receiver, port: 7 } });
    const shut = changeReceiver(OPEN, "receiver-plaintext", { bind: "off" });
    assert.deepEqual(shut["receiver-plaintext"], { bind: "off", port: 2 });
    assert.deepEqual(receiverLevels(OPEN, "receiver-plaintext"), ["plaintext"]);
    const rising = changeReceiver(OPEN, "receiver", { levels: ["mtls", "basic"] });
    assert.deepEqual(receiverLevels(rising, "receiver"), ["basic", "mtls"]);
  });

  const refused = [
    ["receiver", { levels: ["plaintext", "tls"] }],
    ["receiver", { levels: [] }],
    ["receiver", { shared: true }],
    ["receiver", { port: 2 }],
    ["receiver-plaintext", { levels: ["tls"] }],
    ["receiver-plaintext", { levels: [] }],
    ["receiver-plaintext", { port: 1 }],
  ] as const;
  for (const [name, change] of refused) {
    it(`refuse ${JSON.stringify(change)} for ${name}`, () => {
      assert.throws(() => changeReceiver(OPEN, name, change), { code: "api.invalid" });
    });
  }
});
