import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launchTautline } from "@tautline/testing";
import { until } from "../until.ts";
import {
  KEY_NAME,
  type LevelCentral,
  logged,
  openLevelCentral,
  requirePeer,
  seenAs,
  WRONG_KEY,
} from "./level-central.ts";
import { openStunnel } from "./stunnel.ts";

describe("stunnel with a pre-shared key, between an agent without an identity and central", () => {
  let central: LevelCentral;
  before(async () => {
    await requirePeer("stunnel");
    central = await openLevelCentral();
  });
  after(() => central[Symbol.asyncDispose]());

  const runAgent = (name: string, port: number, ...flags: readonly string[]) => {
    const place = ["--data", join(central.folder, name), "--name", name];
    const to = ["--central", `127.0.0.1:${port}`, ...flags];
    return launchTautline(["agent", "run", "--json", ...place, ...to]);
  };
  const withKey = (): string[] => [
    "--level",
    "advanced",
    "--key-file",
    central.keyFile,
    "--key-name",
    KEY_NAME,
  ];
  const asClient = (pskHex: string) =>
    openStunnel({ folder: central.folder, as: "client", to: central.agentsPort, pskHex });
  const asServer = (pskHex: string, identity = KEY_NAME) => {
    const { folder, plaintextPort: to } = central;
    return openStunnel({ folder, as: "server", to, pskHex, identity });
  };

  it("as a client it secures a plaintext agent: central sees level advanced, the key, and a claim", async () => {
    await using stunnel = await asClient(central.pskHex);
    await using agent = runAgent("behind-client", stunnel.port, "--level", "plaintext");
    const connected = await agent.waitForEvent(({ event }) => event === "connected");
    assert.equal(connected["level"], "plaintext");
    assert.deepEqual(await seenAs(central, String(connected["id"])), {
      state: "unproven",
      level: "advanced",
      keyId: `${KEY_NAME}#1`,
      transport: "websocket",
      clientProven: false,
    });
    await agent.kill("SIGTERM");
  });

  it("as a server before central's plaintext port it is dialled at advanced, and central sees plaintext of this host", async () => {
    await using stunnel = await asServer(central.pskHex);
    await using agent = runAgent("before-server", stunnel.port, ...withKey());
    const connected = await agent.waitForEvent(({ event }) => event === "connected");
    assert.equal(connected["level"], "advanced");
    assert.deepEqual(await seenAs(central, String(connected["id"])), {
      state: "unproven",
      level: "plaintext",
      keyId: null,
      transport: "websocket",
      clientProven: false,
    });
    await agent.kill("SIGTERM");
  });

  it("as a client with a wrong key it reaches nothing, and central's log says what to give it", async () => {
    await using stunnel = await asClient(WRONG_KEY);
    await using agent = runAgent("wrong-client", stunnel.port, "--level", "plaintext");
    await until(async () => stunnel.process.stderr.includes("alert decrypt error") || undefined);
    const { remedy } = await logged(central, "link.key_unproven", /'site-3' was not proven/);
    assert.match(remedy, /'tautline keys show NAME --psk-hex'/);
    await until(async () => agent.stderr.includes(`127.0.0.1:${stunnel.port}`) || undefined);
    assert.equal(agent.stdout, "");
    // Nothing of TLS is said to somebody who set plaintext.
    assert.doesNotMatch(agent.stderr, /TLS/);
    await agent.kill("SIGTERM");
  });

  const strangers: [string, string, string, string][] = [
    ["a wrong key", WRONG_KEY, KEY_NAME, "link.key_unproven"],
    ["a key of another name", WRONG_KEY, "other", "link.key_missing"],
  ];
  for (const [what, pskHex, identity, code] of strangers) {
    it(`as a server with ${what} it is refused by the agent, which says that it is the key`, async () => {
      await using stunnel = await asServer(pskHex, identity);
      await using agent = runAgent(`at-${identity}`, stunnel.port, ...withKey());
      await until(async () => /"code":"link\.[a-z_]+"/.exec(agent.stderr) ?? undefined);
      assert.match(agent.stderr, new RegExp(`"code":"${code}"`));
      assert.equal(agent.stdout, "");
      await agent.kill("SIGTERM");
    });
  }
});
