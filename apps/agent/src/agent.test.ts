import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startStandInCentral, withTempFolder } from "@tautline/testing";
import { makeTestAgent } from "../test/running-agent.ts";

test("an agent joins over a pinned link, proves its identity over a mutual one, and only then drops the token", async () => {
  await withTempFolder(async (path) => {
    const central = await startStandInCentral();
    try {
      const { join: joinWith, folder } = makeTestAgent(path);
      const state = await joinWith(central.makeToken());
      assert.equal(state.state, "committed");
      const [asked, proved] = central.received;
      assert.equal(asked?.evidence.level, "tls");
      assert.match(asked?.authorization ?? "", /^Bearer stand-in\./);
      assert.equal(proved?.evidence.level, "mtls");
      assert.equal(proved?.authorization, undefined);
      assert.equal(proved?.evidence.peerId, `spiffe://default.fleet.test/agent/${state.agentId}`);
      assert.ok(!readFileSync(folder.settings, "utf8").includes("ticket"));
    } finally {
      await central.close();
    }
  });
});
