import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findPairSettings } from "./pair-sources.ts";
import { parseProperties } from "./properties.ts";
import type { PairSetting } from "./setting-name.ts";

const find = (text: string, variables: Readonly<Record<string, string>> = {}) =>
  findPairSettings(parseProperties("f", text), (name) => variables[name]);

const value = (
  text: string,
  setting: PairSetting,
  variables: Readonly<Record<string, string>> = {},
) => {
  const one = find(text, variables).spoken.get(setting);
  return one === undefined ? undefined : [one.value, one.place];
};

describe("findPairSettings", () => {
  it("OV-6: finds the settings under any prefix and none of the others", () => {
    for (const prefix of ["", "takipi.", "com.example."]) {
      assert.deepEqual(value(`x=y\n${prefix}encrypt =true`, "encrypt"), ["true", "line 2"]);
    }
    assert.equal(value("takipi.server.name=encrypt", "encrypt"), undefined);
  });

  it("OV-12: a variable of its own stands over TAKIPI_ARGS, and that over the file", () => {
    const file = "takipi.encrypt.key=of-file";
    const listed = { TAKIPI_ARGS: "takipi.server.name=a,takipi.encrypt.key=of-args" };
    const single = { ...listed, TAKIPI_ENCRYPT_KEY: "of-variable" };
    assert.deepEqual(value(file, "encrypt.key"), ["of-file", "line 1"]);
    assert.deepEqual(value(file, "encrypt.key", listed), ["of-args", "variable TAKIPI_ARGS"]);
    assert.deepEqual(value(file, "encrypt.key", single), [
      "of-variable",
      "variable TAKIPI_ENCRYPT_KEY",
    ]);
    const { findings } = find(file, single);
    assert.deepEqual(
      findings.map(({ line, what }) => [line, what]),
      [[1, "The variable TAKIPI_ENCRYPT_KEY stands over line 1"]],
    );
    assert.doesNotMatch(JSON.stringify(findings), /of-/);
  });

  it("OV-12: variables are named after the prefix in the file, else after takipi", () => {
    const variables = { TAKIPI_ENCRYPT: "true", MY_AGENT_ENCRYPT: "false" };
    assert.deepEqual(value("", "encrypt", variables), ["true", "variable TAKIPI_ENCRYPT"]);
    assert.deepEqual(value("encrypt.key=k", "encrypt", variables), [
      "true",
      "variable TAKIPI_ENCRYPT",
    ]);
    const own = value("my-agent.encrypt.key=k", "encrypt", variables);
    assert.deepEqual(own, ["false", "variable MY_AGENT_ENCRYPT"]);
  });

  const args: [string, PairSetting, string | undefined][] = [
    ["encrypt=true", "encrypt", "true"],
    [" takipi.encrypt = true ,x=y", "encrypt", " true "],
    ['encrypt.key="a,b=c",encrypt=true', "encrypt.key", '"a,b=c"'],
    ['encrypt.key="a,b', "encrypt.key", '"a,b'],
    ["other.encrypt=true", "encrypt", undefined],
    ["encrypt", "encrypt", ""],
    [",,,=,", "encrypt", undefined],
  ];
  for (const [text, setting, expected] of args) {
    it(`OV-12: reads TAKIPI_ARGS='${text}'`, () => {
      assert.equal(value("", setting, { TAKIPI_ARGS: text })?.[0], expected);
    });
  }

  it("SWP-1: a mistyped name is refused with its line or variable, for it would switch encryption off in silence", () => {
    assert.throws(
      () => find("a=b\ntakipi.encrypt.fats=true"),
      /f: line 2: takipi\.encrypt\.fats is none/,
    );
    assert.throws(() => find("takipi.Encrypt=true"), /line 1: takipi\.Encrypt is none/);
    assert.throws(
      () => find("", { TAKIPI_ARGS: "takipi.encypt=true" }),
      /variable TAKIPI_ARGS: takipi\.encypt/,
    );
  });

  it("several prefixes that disagree are refused naming both lines and no value", () => {
    assert.throws(
      () => find("takipi.encrypt=true\n\nother.encrypt=false"),
      /f: line 1 and line 3: takipi\.encrypt and other\.encrypt say different things\./,
    );
    assert.throws(
      () => find("a.encrypt.key=secret1\nb.encrypt.key=secret2"),
      (error: Error) =>
        /line 1 and line 2/.test(error.message) && !error.message.includes("secret"),
    );
    assert.throws(
      () => find("", { TAKIPI_ARGS: "encrypt=true,takipi.encrypt=false" }),
      /f: variable TAKIPI_ARGS: encrypt and takipi\.encrypt say/,
    );
  });

  it("several prefixes that agree are read as one, with a finding", () => {
    const { spoken, findings } = find("a.encrypt=true\nb.encrypt=TRUE\nb.encrypt.key=k");
    assert.equal(spoken.size, 2);
    assert.deepEqual(
      findings.map(({ severity, line }) => [severity, line]),
      [["info", 2]],
    );
  });

  it("an endless TAKIPI_ARGS is refused before it is read", () => {
    assert.throws(
      () => find("", { TAKIPI_ARGS: "a".repeat(16_385) }),
      /longer than 16384 characters/,
    );
  });
});
