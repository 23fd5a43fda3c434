import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { z } from "zod";
import { loadConfig, MAX_CONFIG_BYTES, parseConfig } from "./config-file.ts";
import { durationSetting, portSetting } from "./config-values.ts";

const schema = z.strictObject({
  name: z.string().default("tautline").describe("A name."),
  listen: z
    .strictObject({
      port: portSetting(9150).describe("A port."),
      wait: durationSetting("10s", "1s", "60s").describe("A wait."),
    })
    .prefault({}),
  hosts: z.array(z.string()).max(2).default([]).describe("Hosts."),
});

const parse = (text: string) => parseConfig("central", "central.yaml", text, schema);

function refusal(work: () => unknown): TautlineError {
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  assert.ok(isTautlineError(thrown), `not refused by one of ours: ${String(thrown)}`);
  return thrown;
}

describe("parseConfig", () => {
  it("takes the defaults from an empty text, from comments alone and from an empty document", () => {
    const defaults = { name: "tautline", listen: { port: 9150, wait: 10_000 }, hosts: [] };
    for (const text of ["", "# nothing\n", "---\n", "~\n", "{}\n"]) {
      assert.deepEqual(parse(text), defaults, JSON.stringify(text));
    }
  });

  it("reads what is written and keeps the defaults of the rest", () => {
    const config = parse("listen:\n  wait: 1s\nhosts: [a, b]\n");
    assert.deepEqual(config, {
      name: "tautline",
      listen: { port: 9150, wait: 1_000 },
      hosts: ["a", "b"],
    });
  });

  it("gives settings that nobody can change, at any depth", () => {
    const config = parse("hosts: [a]\n");
    for (const part of [config, config.listen, config.hosts]) assert.ok(Object.isFrozen(part));
  });

  const refused: { name: string; text: string; says: string }[] = [
    { name: "an unknown key", text: "\nnmae: x\n", says: "line 2: nmae: unknown key." },
    {
      name: "an unknown key deep inside",
      text: "name: x\nlisten:\n  wait: 1s\n  prot: 9\n",
      says: "line 4: listen.prot: unknown key.",
    },
    {
      name: "an unknown group, at its own line and not at that of its first key",
      text: "name: x\nlisetn:\n  port: 9\n",
      says: "line 2: lisetn: unknown key.",
    },
    {
      name: "a value of the wrong type",
      text: "listen:\n  port: none\n",
      says: "line 2: listen.port: Invalid input: expected number, received string.",
    },
    {
      name: "a number out of range",
      text: "listen: { port: 65536 }\n",
      says: "line 1: listen.port: Too big: expected number to be <=65535.",
    },
    {
      name: "a fraction where a whole number belongs",
      text: "listen: { port: 1.5 }\n",
      says: "line 1: listen.port: Invalid input: expected int, received number.",
    },
    {
      name: "a text that is no duration",
      text: "listen: { wait: soon }\n",
      says: "line 1: listen.wait: it is not a duration such as 90s, 15m, 24h or 30d.",
    },
    {
      name: "a duration out of range",
      text: "listen: { wait: 61s }\n",
      says: "line 1: listen.wait: it is not from 1s to 60s.",
    },
    {
      name: "an entry of a list",
      text: "hosts:\n  - a\n  - 5\n",
      says: "line 1: hosts.1: Invalid input: expected string, received number.",
    },
    {
      name: "a group without its keys",
      text: "listen:\n",
      says: "line 1: listen: Invalid input: expected object, received null.",
    },
    {
      name: "the same key twice",
      text: "name: a\nname: b\n",
      says: "line 2: Map keys must be unique.",
    },
    {
      name: "a second document",
      text: "name: a\n---\nname: b\n",
      says: "line 2: a second document begins here.",
    },
    {
      name: "a text instead of settings",
      text: "hello\n",
      says: "whole file: Invalid input: expected object, received string.",
    },
    {
      name: "a list instead of settings",
      text: "- a\n",
      says: "whole file: Invalid input: expected object, received array.",
    },
    {
      name: "A19: a key that reaches a prototype",
      text: "__proto__:\n  port: 1\n",
      says: "line 1: __proto__: unknown key.",
    },
    {
      name: "an alias, which could make a short text huge",
      text: "name: &a x\nhosts: [*a, *a]\n",
      says: "whole file: aliases are not accepted.",
    },
    {
      name: "a tag that would make something else of a value",
      text: "name: !!js/function 'x'\n",
      says: "line 1: Unresolved tag: tag:yaml.org,2002:js/function.",
    },
  ];
  for (const { name, text, says } of refused) {
    it(`refuses ${name} and says where`, () => {
      const { code, message, remedy } = refusal(() => parse(text));
      assert.equal(code, "config.invalid");
      assert.equal(message, `central.yaml: ${says}`);
      assert.match(remedy, /tautline config example central/);
    });
  }

  it("shows no control character of a key, which could forge a line of a log", () => {
    const { message } = refusal(() => parse('"a\\nb\\u001b[31m": 1\n'));
    assert.equal(message, "central.yaml: line 1: a\uFFFDb\uFFFD[31m: unknown key.");
  });
});

describe("loadConfig", () => {
  it("takes the defaults where no file is given", () => {
    assert.equal(loadConfig("agent", undefined, schema).listen.port, 9150);
  });

  it("reads a file, and an empty one", () =>
    withTempFolder((folder) => {
      const file = join(folder, "central.yaml");
      writeFileSync(file, "listen: { port: 1 }\n");
      assert.equal(loadConfig("central", file, schema).listen.port, 1);
      writeFileSync(file, "");
      assert.equal(loadConfig("central", file, schema).listen.port, 9150);
    }));

  it("refuses a file that is not there, instead of taking the defaults (promise 1)", () =>
    withTempFolder((folder) => {
      const file = join(folder, "nowhere.yaml");
      const { code, message } = refusal(() => loadConfig("central", file, schema));
      assert.equal(code, "config.unreadable");
      assert.equal(message, `The settings file ${file} cannot be read: ENOENT.`);
    }));

  it("refuses a folder, and a pipe without waiting for what may never come", () =>
    withTempFolder((folder) => {
      const pipe = join(folder, "pipe");
      execFileSync("mkfifo", [pipe]);
      for (const file of [folder, pipe, "/dev/zero"]) {
        const { code, message } = refusal(() => loadConfig("central", file, schema));
        assert.equal(code, "config.unreadable");
        assert.match(message, /it is not a plain file\.$/);
      }
    }));

  it("refuses bytes that are not UTF-8", () =>
    withTempFolder((folder) => {
      const file = join(folder, "central.yaml");
      writeFileSync(file, Buffer.from("name: \xff\n", "latin1"));
      assert.match(
        refusal(() => loadConfig("central", file, schema)).message,
        /it is not UTF-8 text\.$/,
      );
    }));

  it("reads a file at the limit and refuses one a byte over it", () =>
    withTempFolder((folder) => {
      const file = join(folder, "central.yaml");
      writeFileSync(file, `# ${"x".repeat(MAX_CONFIG_BYTES - 2)}`);
      assert.equal(loadConfig("central", file, schema).name, "tautline");
      truncateSync(file, MAX_CONFIG_BYTES + 1);
      const { code, message } = refusal(() => loadConfig("central", file, schema));
      assert.equal(code, "config.unreadable");
      assert.match(message, /it has 1048577 bytes, more than 1048576\.$/);
    }));
});
