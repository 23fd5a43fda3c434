import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { decideEncryption } from "./encryption-rule.ts";
import { findPairSettings } from "./pair-sources.ts";
import { parseProperties } from "./properties.ts";

const STRONG = "k7XQm2vR9tLz4WcB8nHs3YpD6fJa1GeU";

const decide = (text: string, variables: Readonly<Record<string, string>> = {}) =>
  decideEncryption(findPairSettings(parseProperties("f", text), (name) => variables[name]));

describe("decideEncryption", () => {
  const table: { name: string; text: string; level: string; keyText?: string; says: string[] }[] = [
    {
      name: "nothing at all",
      text: "takipi.server.name=a",
      level: "plaintext",
      says: ["No switch of the encryption is set: links are plaintext, as they were"],
    },
    {
      name: "OV-7: the basic switch, as the old manual writes it",
      text: `takipi.encrypt =true\ntakipi.encrypt.key="${STRONG}"`,
      level: "basic",
      keyText: STRONG,
      says: [],
    },
    {
      name: "OV-8: the advanced switch",
      text: `takipi.encrypt.fast=true\ntakipi.encrypt.key="${STRONG}"`,
      level: "advanced",
      keyText: STRONG,
      says: [],
    },
    {
      name: "OV-20: both switches",
      text: `takipi.encrypt=TRUE \ntakipi.encrypt.fast=True\ntakipi.encrypt.key=${STRONG}`,
      level: "advanced",
      keyText: STRONG,
      says: ["Both switches are on: advanced counts"],
    },
    {
      name: "one switch on and the other off",
      text: `a.encrypt=true\na.encrypt.fast=false\na.encrypt.key="${STRONG}"`,
      level: "basic",
      keyText: STRONG,
      says: [],
    },
    {
      name: "OV-9: a key without quotes, and blanks after it",
      text: `encrypt=true\nencrypt.key=${STRONG}  `,
      level: "basic",
      keyText: STRONG,
      says: [],
    },
    {
      name: "OV-9: blanks inside of the quotes belong to the key",
      text: `encrypt=true\nencrypt.key=" ${STRONG} " `,
      level: "basic",
      keyText: ` ${STRONG} `,
      says: [],
    },
    {
      name: "both switches off, with a key",
      text: `encrypt=false\nencrypt.fast=FALSE\nencrypt.key="it's"`,
      level: "plaintext",
      says: ["A key is given and both switches are off"],
    },
    {
      name: "a switch that is off",
      text: "encrypt=false",
      level: "plaintext",
      says: ["Encryption is switched off: links are plaintext, as they were"],
    },
    {
      name: "OVP-2: a weak key, which is not refused",
      text: "encrypt=true\nencrypt.key=secret",
      level: "basic",
      keyText: "secret",
      says: ["The key is weak: it is worth at most 18 bits of the 128 a key should have"],
    },
  ];
  for (const { name, text, level, keyText, says } of table) {
    it(`reads ${name}`, () => {
      const decided = decide(text);
      assert.deepEqual([decided.level, decided.keyText], [level, keyText]);
      assert.deepEqual(
        decided.findings.map(({ what }) => what),
        says,
      );
    });
  }

  const refused: [name: string, text: string, says: RegExp][] = [
    ["yes for true", "a=b\nencrypt=yes", /f: line 2: it is neither true nor false\./],
    ["1 for true", "encrypt.fast=1", /line 1: it is neither/],
    ["an empty switch", "encrypt=", /line 1: it is neither/],
    ["a switch in quotes", 'encrypt="true"', /line 1: it is neither/],
    ["a key where a switch should be", "encrypt=secret", /line 1: it is neither/],
    ["no key", "x=y\nencrypt.fast=true", /line 2: encryption is switched on and no encrypt\.key/],
    [
      "OV-9: an empty key",
      "encrypt=true\nencrypt.key=",
      /line 2: the key cannot be used: it is empty/,
    ],
    ["OV-9: an empty key in quotes", 'encrypt=true\nencrypt.key=""', /line 2: .*it is empty/],
    [
      "OV-9: a double quote inside",
      'encrypt=true\n\nencrypt.key="sec"ret"',
      /line 3: the key has a quotation mark inside/,
    ],
    [
      "OV-9: a single quote inside",
      'encrypt=true\nencrypt.key="sec\'ret"',
      /line 2: the key has a quotation mark/,
    ],
    [
      "a quote that does not end",
      'encrypt=true\nencrypt.key="secret',
      /line 2: the key has a quotation mark/,
    ],
    ["one quote alone", 'encrypt=true\nencrypt.key="', /line 2: the key has a quotation mark/],
    ["a line break inside", 'encrypt=true\nencrypt.key="sec\\nret"', /line 2: .*control character/],
    ["half a character", 'encrypt=true\nencrypt.key="secret\\ud800"', /line 2: .*no whole text/],
    [
      "too long a key",
      `encrypt=true\nencrypt.key=${"secret".repeat(171)}`,
      /line 2: .*longer than 1024 bytes/,
    ],
  ];
  for (const [name, text, says] of refused) {
    it(`refuses ${name}, naming the line and never the key`, () => {
      assert.throws(
        () => decide(text),
        (error) =>
          isTautlineError(error) &&
          error.code === "config.old_setting" &&
          says.test(error.message) &&
          !/secret|sec.ret/.test(`${error.message}${error.remedy}`),
      );
    });
  }

  it("OV-12: a variable decides, and is named where it is wrong", () => {
    const text = `encrypt=true\nencrypt.key=${STRONG}`;
    assert.equal(decide(text, { TAKIPI_ENCRYPT_FAST: "true" }).level, "advanced");
    assert.equal(decide(text, { TAKIPI_ARGS: "takipi.encrypt=false" }).level, "plaintext");
    assert.throws(
      () => decide(text, { TAKIPI_ENCRYPT: "" }),
      /variable TAKIPI_ENCRYPT: it is neither/,
    );
    assert.throws(
      () => decide(text, { TAKIPI_ENCRYPT_KEY: "a'b" }),
      /variable TAKIPI_ENCRYPT_KEY: the key/,
    );
  });
});
