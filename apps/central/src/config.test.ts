import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { configKeys, parseConfig } from "@tautline/daemon";
import { LIMITS } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import {
  centralConfigExample,
  centralConfigReference,
  centralConfigSchema,
  loadCentralConfig,
  loadCentralSettings,
} from "./config.ts";
import { refusalOf } from "./fixture-checks.test.ts";

const parse = (text: string) => parseConfig("central", "central.yaml", text, centralConfigSchema);

describe("central's settings", () => {
  it("has the defaults that DESIGN names: ports 9150 and 8443, the console on this host alone, a leaf's life 24 h", () => {
    const config = loadCentralConfig(undefined);
    assert.deepEqual([config.agents.host, config.agents.port], ["::", 9150]);
    assert.deepEqual([config.console.host, config.console.port], ["127.0.0.1", 8443]);
    assert.equal(config.certificates.agentLifetime, 24 * 3_600_000);
    assert.equal(config.vault.environmentVariable, "TAUTLINE_MPASSWD");
    assert.equal(config.vault.passphraseFile, undefined);
    assert.equal(config.log.level, "info");
  });

  it("lets the command line stand above the file, and --host count for both ports", () =>
    withTempFolder((folder) => {
      const file = join(folder, "central.yaml");
      writeFileSync(file, "agents: { port: 1000, host: 192.0.2.1 }\nconsole: { port: 2000 }\n");
      const plain = loadCentralConfig(file);
      assert.deepEqual([plain.agents.port, plain.console.port], [1_000, 2_000]);
      const told = loadCentralConfig(file, { agentsPort: 0, consolePort: 1, host: "127.0.0.1" });
      assert.deepEqual([told.agents.port, told.agents.host], [0, "127.0.0.1"]);
      assert.deepEqual([told.console.port, told.console.host], [1, "127.0.0.1"]);
      assert.equal(loadCentralConfig(file, { consolePort: 5 }).agents.host, "192.0.2.1");
    }));

  it("gives an example that is all defaults, commented out or not, and names every key", () => {
    const example = centralConfigExample();
    const defaults = parse("");
    assert.deepEqual(parse(example), defaults);
    const uncommented = example.replaceAll(/^( *)# /gm, "$1");
    assert.deepEqual(parse(uncommented), defaults);
    assert.ok(uncommented.split("\n").filter((line) => /^ *[a-z]\w*:/i.test(line)).length > 15);
    for (const { path } of configKeys(centralConfigSchema)) {
      assert.match(example, new RegExp(`^ *##? ${path.split(".").at(-1)}: `, "m"), path);
    }
  });

  it("gives a reference page with a row for every key", () => {
    const reference = centralConfigReference();
    const keys = configKeys(centralConfigSchema);
    for (const { path } of keys) assert.ok(reference.includes(`| \`${path}\` |`), path);
    assert.equal(
      reference.split("\n").filter((line) => line.startsWith("| `")).length,
      keys.length,
    );
  });

  const refused: { text: string; says: RegExp }[] = [
    { text: "\nagent: {}\n", says: /line 2: agent: unknown key/ },
    { text: "agents:\n  prot: 9150\n", says: /line 2: agents\.prot: unknown key/ },
    { text: "agents: { port: 65536 }\n", says: /agents\.port: / },
    { text: "agents: { port: -1 }\n", says: /agents\.port: / },
    { text: 'agents: { port: "9150" }\n', says: /agents\.port: .*expected number/ },
    { text: "agents: { maxConnections: 0 }\n", says: /agents\.maxConnections: / },
    {
      text: "agents: { handshakeTimeout: 0s }\n",
      says: /handshakeTimeout: it is not from 1s to 60s/,
    },
    { text: "agents: { handshakeTimeout: 10 }\n", says: /agents\.handshakeTimeout: / },
    { text: "agents: { advertise: [a_b] }\n", says: /agents\.advertise\.0: it is not a name/ },
    { text: "agents: { advertise: ['x:99999'] }\n", says: /agents\.advertise\.0: / },
    { text: "agents: { advertise: ['2001:db8::1'] }\n", says: /agents\.advertise\.0: / },
    { text: "agents: { advertise: central }\n", says: /agents\.advertise: / },
    {
      text: `agents: { advertise: [${Array.from({ length: LIMITS.addresses.value + 1 }, (_, at) => `h${at}`).join(", ")}] }\n`,
      says: /agents\.advertise: /,
    },
    {
      text: `agents: { advertise: [${Array.from({ length: 12 }, (_, at) => `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(50)}.h${at}`).join(", ")}] }\n`,
      says: /longer than the 2000 characters/,
    },
    {
      text: "trustDomain: Fleet.Example\n",
      says: /line 1: trustDomain: it is not a lower-case DNS/,
    },
    { text: "trustDomain: 192.0.2.1\n", says: /trustDomain: / },
    {
      text: "certificates: { agentLifetime: 31d }\n",
      says: /agentLifetime: it is not from 20s to 30d/,
    },
    { text: "vault: { environmentVariable: lower }\n", says: /vault\.environmentVariable: / },
    { text: "vault: { passphraseFile: }\n", says: /vault\.passphraseFile: / },
    { text: "instructions: { lifetime: 25h }\n", says: /instructions\.lifetime: / },
    { text: "log: { level: loud }\n", says: /log\.level: / },
    { text: "keys: [{ name: legacy }]\n", says: /keys\.0\.file: / },
    { text: "keys: [{ name: Old, file: k }]\n", says: /keys\.0\.name: it cannot name a key/ },
    { text: "keys: [{ name: a, file: '' }]\n", says: /keys\.0\.file: / },
    { text: "keys: [{ name: a, namespace: A, file: k }]\n", says: /keys\.0\.namespace: / },
    { text: "keys: [{ name: a, file: k, value: secret }]\n", says: /keys\.0.*unknown key/ },
    {
      text: "keys: [{ name: a, file: k }, { name: a, file: l }]\n",
      says: /keys: a name stands there twice/,
    },
    {
      text: `keys: [${Array.from({ length: 1_001 }, (_, at) => `{ name: k${at}, file: f }`).join(", ")}]\n`,
      says: /keys: /,
    },
    { text: "console:\n", says: /line 1: console: / },
    { text: "a: &x {}\nb: *x\n", says: /aliases are not accepted/ },
    { text: "log: {}\nlog: {}\n", says: /line 2: Map keys must be unique/ },
    { text: "__proto__: { agents: 1 }\n", says: /__proto__: unknown key/ },
  ];
  for (const { text, says } of refused) {
    it(`promise 1: refuses ${JSON.stringify(text.slice(0, 60))}, naming line and key`, async () => {
      const refusal = await refusalOf(() => parse(text), "config.invalid");
      assert.match(refusal.message, says);
      assert.doesNotMatch(refusal.message, /\.\.$/);
    });
  }

  it("OV-9: takes keys from files, for the namespace default unless told", () => {
    const list = "{ name: legacy, file: k }, { name: b, namespace: lab, file: /etc/k }";
    assert.deepEqual(parse(`keys: [${list}]\n`).keys, [
      { name: "legacy", namespace: "default", file: "k" },
      { name: "b", namespace: "lab", file: "/etc/k" },
    ]);
    assert.deepEqual(loadCentralConfig(undefined).keys, []);
  });

  it("takes addresses with and without a port, and refuses a file that is not there", async () => {
    const list = ["central.example.org", "192.0.2.1:443", "'[2001:db8::1]'", "'[2001:db8::1]:1'"];
    const { agents } = parse(`agents: { advertise: [${list.join(", ")}] }\n`);
    assert.equal(agents.advertise.length, 4);
    await refusalOf(() => loadCentralConfig("/nowhere/central.yaml"), "config.unreadable");
  });
});

describe("old settings as central's", () => {
  it("OV-6: a collector.properties is taken as it is, under the command line's flags; its key is handed over in memory", () =>
    withTempFolder((folder) => {
      const file = join(folder, "collector.properties");
      writeFileSync(file, "takipi.encrypt.fast=true\ntakipi.encrypt.key=secret\n", { mode: 0o600 });
      const { config, keyTexts, findings } = loadCentralSettings(file, { agentsPort: 0 });
      assert.equal(config.agents.port, 0);
      assert.deepEqual(config.agents.levels, ["tls", "mtls", "advanced"]);
      assert.equal(config.plaintext.bind, "off");
      assert.deepEqual(config.keys, [{ name: "legacy", namespace: "default", file }]);
      assert.deepEqual([...keyTexts], [["legacy", "secret"]]);
      assert.equal(findings.length, 1);
      assert.doesNotMatch(JSON.stringify([config, findings]), /secret/);
    }));

  it("OV-1: one without encryption goes on accepting plaintext on 8787, and the environment stands over it (OV-12)", () =>
    withTempFolder((folder) => {
      const file = join(folder, "collector.properties");
      writeFileSync(file, "takipi.encrypt=false\ntakipi.encrypt.key=k\n", { mode: 0o600 });
      const { bind, port, host } = loadCentralConfig(file).plaintext;
      assert.deepEqual([bind, port, host], ["public", 8787, "::"]);
      const told = loadCentralSettings(file, {}, (name) =>
        name === "TAKIPI_ENCRYPT" ? "true" : undefined,
      );
      assert.equal(told.config.plaintext.bind, "off");
    }));
});
