import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { configKeys } from "@tautline/daemon";
import { withTempFolder } from "@tautline/testing";
import {
  agentConfigExample,
  agentConfigReference,
  agentConfigSchema,
  checkAgentConfig,
  loadAgentConfig,
  loadAgentSettings,
  type AgentConfig,
} from "./config.ts";

async function load(text: string): Promise<AgentConfig> {
  return withTempFolder((folder) => {
    const file = join(folder, "agent.yaml");
    writeFileSync(file, text);
    checkAgentConfig(file);
    return loadAgentConfig(file);
  });
}

test("without a file every setting has its safe default", () => {
  assert.deepEqual(loadAgentConfig(undefined), {
    central: {
      key: { name: "legacy", namespace: "default" },
      addresses: [],
      transport: "websocket",
      pollingInterval: 30_000,
      noProxy: [],
      answerTimeout: 30_000,
      trust: { system: false, pins: [] },
      client: {},
    },
    allowedInstructions: ["addresses", "level", "settings"],
    upgrade: "remote",
    rescue: true,
    forwards: {},
    edge: {
      open: false,
      maxConnections: 256,
      maxInFlight: 67_108_864,
      plaintext: false,
      store: {
        folder: "edge",
        maxBytes: 67_108_864,
        maxAge: 86_400_000,
        maxCall: 4_194_304,
        patience: 5_000,
      },
    },
    remoteForwards: [],
    services: {},
    certificates: {},
    vault: { environmentVariable: "TAUTLINE_KEY" },
    log: { level: "central" },
  });
});

test("what the file says counts, in the units people write", async () => {
  const config = await load(`
name: web-1
central:
  addresses: ["[::1]:9150", central.example]
  transport: polling
  pollingInterval: 5m
  level: advanced
  key: { name: "site-3#2", namespace: branch, file: /etc/tautline/site-3.key }
floor: basic
allowedInstructions: []
upgrade: firmware
`);
  assert.equal(config.name, "web-1");
  assert.equal(config.central.pollingInterval, 300_000);
  assert.deepEqual(config.allowedInstructions, []);
  assert.equal(config.upgrade, "firmware");
  assert.deepEqual([config.central.level, config.floor], ["advanced", "basic"]);
  const key = { name: "site-3#2", namespace: "branch", file: "/etc/tautline/site-3.key" };
  assert.deepEqual(config.central.key, key);
});

const REFUSED: [name: string, text: string, place: RegExp][] = [
  [
    "a proxy with its password in it",
    "central:\n  proxy: http://user:secret@proxy.example:3128\n",
    /line 2: central\.proxy: must be http:\/\/host:port without a login, or none/,
  ],
  ["a proxy of another kind", "central:\n  proxy: socks5://p:1\n", /central\.proxy/],
  [
    "a login for no proxy",
    "central:\n  proxyCredentialsFile: login\n",
    /central\.proxyCredentialsFile: is for a proxy set here/,
  ],
  ["an exception that is no rule", "central:\n  noProxy: [a b]\n", /central\.noProxy/],
  ["an unknown key", "name: a\nflor: mtls\n", /line 2: flor: unknown key/],
  [
    "an unknown key further down",
    "central:\n  transprot: polling\n",
    /line 2: central\.transprot: unknown key/,
  ],
  ["a floor that is no level", "floor: none\n", /floor/],
  ["a level that is none", "central: { level: secure }\n", /central\.level/],
  [
    "a level below the floor",
    "central: { level: basic }\nfloor: advanced\n",
    /line 1: central\.level: is below 'floor'/,
  ],
  ["a key without a name", "central: { key: { name: A } }\n", /central\.key\.name/],
  ["a version that is none", 'central: { key: { name: "a#0" } }\n', /central\.key\.name/],
  ["a namespace that is none", "central: { key: { namespace: A_ } }\n", /central\.key\.namespace/],
  ["a key's text in the file", "central: { key: { text: secret } }\n", /unknown key/],
  [
    "an instruction kind that does not exist",
    "allowedInstructions: [run]\n",
    /line 1: allowedInstructions\.0/,
  ],
  ["a way to a newer version that nobody knows", "upgrade: floppy\n", /line 1: upgrade/],
  ["an unknown transport", "central: { transport: plain }\n", /central\.transport/],
  ["an address with a path", "central: { addresses: [a/b] }\n", /central\.addresses\.0/],
  [
    "SWP-1: an address that could never be dialled",
    'central: { addresses: [a, "127.0.0.1:9150]"] }\n',
    /central\.addresses\.1/,
  ],
  ["an address with a port that is none", "central: { addresses: [a:65536] }\n", /addresses\.0/],
  [
    "a polling interval without a unit",
    "central: { pollingInterval: 30 }\n",
    /central\.pollingInterval/,
  ],
  ["a polling interval out of range", "central: { pollingInterval: 2h }\n", /from 1s to 1h/],
  [
    "a variable that no shell can set",
    "vault: { environmentVariable: A-B }\n",
    /vault\.environmentVariable/,
  ],
  ["an empty passphrase file", 'vault: { passphraseFile: "" }\n', /vault\.passphraseFile/],
  ["a key twice", "name: a\nname: b\n", /line 2/],
  ["an alias", "name: &a b\ndataDir: *a\n", /alias/],
  ["no mapping at all", "- a\n", /whole file/],
];
for (const [name, text, place] of REFUSED) {
  test(`SWP-1: ${name} is refused with its place`, async () => {
    await assert.rejects(
      load(text),
      (error) =>
        isTautlineError(error) && error.code === "config.invalid" && place.test(error.message),
    );
  });
}

test("a file that is not there is refused, not taken for the defaults", () => {
  assert.throws(
    () => checkAgentConfig("/nowhere/agent.yaml"),
    (error) => isTautlineError(error) && error.code === "config.unreadable",
  );
});

test("the example, uncommented, is the defaults; as it stands it changes nothing", async () => {
  const defaults = loadAgentConfig(undefined);
  assert.deepEqual(await load(agentConfigExample()), defaults);
  const uncommented = agentConfigExample()
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("##"))
    .map((line) => line.replace(/^(\s*)# /, "$1"))
    // Keys without a default stand there empty.
    .filter((line) => !/^\s*(name|dataDir|passphraseFile):$/.test(line))
    .join("\n");
  assert.deepEqual(await load(uncommented), defaults);
});

test("the reference page and the example name every key", () => {
  const keys = configKeys(agentConfigSchema);
  assert.ok(keys.length >= 10);
  for (const { path, meaning } of keys) {
    assert.ok(agentConfigReference().includes(`\`${path}\``));
    assert.ok(agentConfigExample().includes(meaning));
  }
});

test("OV-6: an old agent.properties is taken as it is; its key is handed over in memory and stands in no setting", () =>
  withTempFolder((folder) => {
    const file = join(folder, "agent.properties");
    writeFileSync(file, "takipi.encrypt =true\ntakipi.collector.host=c\n", { mode: 0o600 });
    const variables: Record<string, string> = { TAKIPI_ENCRYPT_KEY: "secret" };
    const { config, keyTexts, findings } = loadAgentSettings(file, (name) => variables[name]);
    assert.deepEqual(config.central.addresses, ["c:9150"]);
    assert.equal(config.central.level, "basic");
    assert.deepEqual(config.central.key, { name: "legacy", namespace: "default", file });
    assert.deepEqual([...keyTexts], [["legacy", "secret"]]);
    assert.match(findings[0]?.what ?? "", /The key is weak/);
    assert.doesNotMatch(JSON.stringify([config, findings]), /secret/);
  }));

test("QM-4: an old agent.conf is taken as it is", () =>
  withTempFolder((folder) => {
    const file = join(folder, "agent.conf");
    writeFileSync(file, "central.websocket.secure=true\ncentral.host=c\n");
    const { central } = loadAgentConfig(file);
    assert.deepEqual([central.addresses, central.level], [["c:9150"], "tls"]);
    assert.equal(central.trust.system, true);
    assert.equal(checkAgentConfig(file).length, 1);
  }));
