import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { formatOurSettings } from "./our-settings.ts";
import { importOldSettings, readOldSettings } from "./read-old-settings.ts";

const KEY = "k7XQm2vR9tLz4WcB8nHs3YpD6fJa1GeU";
const readVariable = () => undefined;
const keyVariable = (name: string) => (name === "TAKIPI_ENCRYPT_KEY" ? KEY : undefined);
const LEGACY = { name: "legacy", namespace: "default" };

/** As the manual has it, with the space. */
const basic = `takipi.encrypt =true\ntakipi.encrypt.key="${KEY}"\n`;
const advanced = `takipi.encrypt.fast=true\ntakipi.encrypt.key="${KEY}"\n`;
const host = "takipi.collector.host=collector.example.org\n";

const read = (name: string, text: string, app?: "agent" | "central", keyFile = "/k") =>
  withTempFolder((folder) => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return importOldSettings(file, { app, keyFile, readVariable });
  });

describe("importOldSettings", () => {
  it("OV-6 to OV-9: an old agent becomes the central part of agent.yaml", async () => {
    const table: [string, object][] = [
      [basic, { level: "basic", key: { ...LEGACY, file: "/k" } }],
      [advanced, { level: "advanced", key: { ...LEGACY, file: "/k" } }],
      ["", { level: "plaintext" }],
    ];
    for (const [text, link] of table) {
      const { app, settings, keyTexts } = await read("agent.properties", host + text);
      const port = text === "" ? 8787 : 9150;
      const addresses = [`collector.example.org:${port}`];
      assert.deepEqual([app, settings], ["agent", { central: { addresses, ...link } }]);
      assert.deepEqual([...keyTexts], text === "" ? [] : [["legacy", KEY]]);
    }
  });

  it("OV-6: an old collector becomes central.yaml: its level beside those of joined agents", async () => {
    const keys = [{ ...LEGACY, file: "/k" }];
    for (const [text, level] of [
      [basic, "basic"],
      [advanced, "advanced"],
    ] as const) {
      const { app, settings } = await read("collector.properties", text);
      const agents = { levels: ["tls", "mtls", level] };
      assert.deepEqual([app, settings], ["central", { agents, plaintext: { bind: "off" }, keys }]);
    }
  });

  it("OV-1, OV-20: a collector without encryption goes on accepting plaintext", async () => {
    const { settings, keyTexts } = await read("collector.properties", "takipi.listen.port=6060\n");
    assert.deepEqual(settings, {
      agents: { levels: ["tls", "mtls"] },
      plaintext: { bind: "public", port: 8787, host: "::" },
    });
    assert.equal(keyTexts.size, 0);
  });

  it("QM-4: an old agent.conf becomes level tls with what Java trusted", async () => {
    const text =
      "central.websocket.secure=true\ncentral.host=c\njetty.jvm.args=-Djavax.net.ssl.trustStore=/ca.pem\n";
    const { settings, findings } = await read("agent.conf", text);
    const central = { addresses: ["c:9150"], level: "tls", trust: { caFile: "/ca.pem" } };
    assert.deepEqual([settings, findings], [{ central }, []]);
  });

  it("the old port is not taken over, and a finding says which one is in its place", async () => {
    for (const [name, setting] of [
      ["agent.properties", "takipi.collector.port"],
      ["collector.properties", "takipi.listen.port"],
    ] as const) {
      const { findings } = await read(name, `${basic}${setting}:6060\n${host}`);
      assert.deepEqual(
        findings.map(({ severity, line, what }) => [severity, line, what]),
        [["info", 3, "Port 6060 was the old protocol's; central listens on 9150 for this level"]],
      );
    }
  });

  it("an agent whose file names no collector is told so; a host that is none is refused", async () => {
    const { settings, findings } = await read("agent.properties", basic);
    const central = { addresses: [], level: "basic", key: { ...LEGACY, file: "/k" } };
    assert.deepEqual(settings, { central });
    assert.match(findings[0]?.what ?? "", /does not say where central is/);
    await assert.rejects(
      async () => await read("agent.properties", "takipi.collector.host=<HOST>\n"),
      /line 1: it is no host's name or address/,
    );
  });

  it("the kind is told by name, else by content; whose it is can be said", async () => {
    assert.equal((await read("old.txt", basic, "agent")).app, "agent");
    assert.equal((await read("old.properties", basic, "central")).app, "central");
    assert.equal((await read("agent.properties", basic, "central")).app, "central");
    assert.equal((await read("old.txt", "central.websocket.secure=false\n")).app, "agent");
    const refused: [string, string, ("agent" | "central")?][] = [
      ["old.txt", basic],
      ["old.properties", basic],
      ["old.txt", "a: b\n"],
      ["log4j.properties", "rootLogger=x\n", "agent"],
      ["nginx.conf", "server=x\n"],
      ["agent.conf", "central.websocket.secure=true\n", "central"],
    ];
    for (const [name, text, app] of refused) {
      await assert.rejects(
        async () => await read(name, text, app),
        { code: "config.old_unknown" },
        name,
      );
    }
  });

  it("a key that others on the host can read is a finding; a key of a variable is not in the file", () =>
    withTempFolder((folder) => {
      const file = join(folder, "collector.properties");
      writeFileSync(file, basic);
      chmodSync(file, 0o640);
      const says = (options: Parameters<typeof importOldSettings>[1]) =>
        importOldSettings(file, options).findings.map(({ what }) => what);
      assert.deepEqual(says({ readVariable }), [
        "Others on this host can read the key in this file",
      ]);
      assert.deepEqual(says({ readVariable: keyVariable }), [
        "The variable TAKIPI_ENCRYPT_KEY stands over line 2",
      ]);
    }));

  it("RP-9: tmp_namespace_settings is refused by name, for central does not dial agents", async () => {
    const text =
      "tmp_namespace_settings:\n  https_transport:\n    ca_bundle: 'bundle.pem'\n    client_key: 'core.pem'\n";
    await assert.rejects(async () => await read("replicante.yaml", text), {
      code: "config.old_unsupported",
    });
  });

  it("a file over 64 KiB is refused before it is read", async () => {
    await assert.rejects(async () => await read("agent.properties", "#".repeat(65_537)), {
      code: "config.unreadable",
    });
  });
});

describe("readOldSettings", () => {
  it("leaves every other file to its own reader, whatever is in it", () => {
    for (const name of ["agent.yaml", "central.yml", "replicante.yaml", "old", "/a.properties/x"]) {
      assert.equal(readOldSettings(`/nowhere/${name}`, { readVariable }), undefined);
    }
  });

  it("hands the key over in memory; the settings name the old file, and no text", () =>
    withTempFolder((folder) => {
      const file = join(folder, "agent.properties");
      writeFileSync(file, `${host}${basic}`);
      const old = readOldSettings(file, { app: "agent", readVariable });
      const central = {
        addresses: ["collector.example.org:9150"],
        level: "basic",
        key: { ...LEGACY, file },
      };
      assert.deepEqual(old?.settings, { central });
      assert.equal(old?.keyTexts.get("legacy"), KEY);
      assert.doesNotMatch(JSON.stringify(old), new RegExp(KEY));
    }));
});

describe("formatOurSettings", () => {
  it("writes YAML with its origin on top, on one line whatever the name", async () => {
    const { settings } = await read("collector.properties", "");
    assert.equal(
      formatOurSettings(settings, "a\nb"),
      "# Taken over from a\uFFFDb by 'tautline config import'.\n" +
        'agents:\n  levels:\n    - tls\n    - mtls\nplaintext:\n  bind: public\n  port: 8787\n  host: "::"\n',
    );
  });
});
