import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadCentralConfig } from "../config.ts";
import { type Core, withCore } from "../fixture-core.test.ts";
import { firstSettings } from "./first-settings.ts";
import { changeSettings, type ListenerChange, type ListenerSettings } from "./listener-settings.ts";
import { createListenerStore } from "./listener-store.ts";
import type { AgentsPortName } from "./secured-connection.ts";

const config = loadCentralConfig(undefined);
const fresh = firstSettings(config, {}, { agents: {}, plaintext: {} });

/** Changes settings one after the other and reads them back as the next start does. */
async function afterRestart(
  core: Core,
  changes: readonly (readonly [AgentsPortName, ListenerChange])[],
  flags: Parameters<typeof firstSettings>[1] = {},
): Promise<{ readonly before: ListenerSettings; readonly after: ListenerSettings }> {
  const kept = createListenerStore({ ...core, now: core.clock.now });
  let settings = fresh;
  for (const [name, change] of changes) {
    const after = changeSettings(settings, name, change);
    await kept.save({ name, change, before: settings, after, actor: "operator:local" });
    settings = after;
  }
  return { before: settings, after: firstSettings(config, flags, await kept.read()) };
}

describe("what was set of listeners", () => {
  const stories: readonly (readonly [
    string,
    readonly (readonly [AgentsPortName, ListenerChange])[],
  ])[] = [
    ["nothing", []],
    ["levels", [["agents", { levels: ["basic", "mtls"] }]]],
    ["a port and a bind", [["agents", { port: 9443, bind: "loopback" }]]],
    ["plaintext for this host", [["plaintext", { bind: "loopback" }]]],
    [
      "plaintext, and off again",
      [
        ["plaintext", { bind: "public" }],
        ["plaintext", { bind: "off" }],
      ],
    ],
    ["a shared port", [["plaintext", { shared: true }]]],
    [
      "a shared port by the other name",
      [["agents", { shared: true, levels: ["plaintext", "tls"] }]],
    ],
    [
      "a port that is no longer shared",
      [
        ["plaintext", { shared: true }],
        ["agents", { levels: ["tls"] }],
      ],
    ],
  ];
  for (const [what, changes] of stories) {
    it(`is the same after a restart: ${what}`, () =>
      withCore(async (core) => {
        const { before, after } = await afterRestart(core, changes);
        assert.deepEqual(after, before);
      }));
  }

  it("leaves to the settings file what was never set", () =>
    withCore(async (core) => {
      const kept = createListenerStore({ ...core, now: core.clock.now });
      const change = { levels: ["mtls"] } as const;
      const after = changeSettings(fresh, "agents", change);
      await kept.save({ name: "agents", change, before: fresh, after, actor: "operator:local" });
      const moved = { ...config, agents: { ...config.agents, port: 9999 } };
      const { agents } = firstSettings(moved, {}, await kept.read());
      assert.deepEqual(agents, { bind: "public", port: 9999, levels: ["mtls"] });
    }));

  it("stands below the command line", () =>
    withCore(async (core) => {
      const changes = [
        ["agents", { port: 9443 }],
        ["plaintext", { shared: true }],
      ] as const;
      const { after } = await afterRestart(core, changes, { agentsPort: 1, plaintextPort: 2 });
      assert.equal(after.agents.port, 1);
      assert.deepEqual([after.isShared, after.plaintext], [false, { bind: "public", port: 2 }]);
    }));

  it("stands in the trail", () =>
    withCore(async (core) => {
      await afterRestart(core, [["plaintext", { bind: "loopback" }]]);
      const [entry] = (await core.audit.list({ limit: 1 })).slice(-1);
      assert.equal(entry?.action, "listener.changed");
      assert.deepEqual(entry.detail, {
        listener: "plaintext",
        bind: "loopback",
        port: 8787,
        levels: "plaintext",
      });
    }));
});
