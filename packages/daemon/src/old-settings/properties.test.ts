import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { MAX_OLD_SETTINGS_BYTES, parseProperties } from "./properties.ts";

const read = (text: string) => parseProperties("agent.properties", text);

/** Keys and values in the order of the file. */
const pairs = (text: string) =>
  [...read(text).entries].map(([key, { value }]) => [key, value] as const);

const BACKSLASH = "\\";

describe("parseProperties", () => {
  const table: { name: string; text: string; gives: (readonly [string, string])[] }[] = [
    { name: "nothing", text: "", gives: [] },
    {
      name: "OV-7: a space before =",
      text: "takipi.encrypt =true",
      gives: [["takipi.encrypt", "true"]],
    },
    { name: "blanks around =, not at the end", text: " \t a \f = b c ", gives: [["a", "b c "]] },
    {
      name: "a colon",
      text: "a:b\nc : d",
      gives: [
        ["a", "b"],
        ["c", "d"],
      ],
    },
    { name: "a blank alone", text: "a b = c", gives: [["a", "b = c"]] },
    {
      name: "a second separator is part of the value",
      text: "a==b\nc = :d",
      gives: [
        ["a", "=b"],
        ["c", ":d"],
      ],
    },
    {
      name: "a key alone, and an empty value",
      text: "a\nb=\n",
      gives: [
        ["a", ""],
        ["b", ""],
      ],
    },
    { name: "an empty key", text: "=b", gives: [["", "b"]] },
    {
      name: "comments and blank lines",
      text: "# a=b\n  ! c=d\n\n \t\n#e\\\nf=g",
      gives: [["f", "g"]],
    },
    { name: "a comment sign inside a value", text: "a=b # c", gives: [["a", "b # c"]] },
    {
      name: "CRLF and CR",
      text: "a=b\r\nc=d\re=f",
      gives: [
        ["a", "b"],
        ["c", "d"],
        ["e", "f"],
      ],
    },
    {
      name: "a continued line, its blanks dropped",
      text: "a=b,\\\n   c,\\\r\n\td",
      gives: [["a", "b,c,d"]],
    },
    {
      name: "a continued line that looks like a comment",
      text: "a=b\\\n#c",
      gives: [["a", "b#c"]],
    },
    { name: "a continued key", text: "ab\\\n cd=e", gives: [["abcd", "e"]] },
    {
      name: "an even number of backslashes ends the line",
      text: "a=b\\\\\nc=d",
      gives: [
        ["a", "b\\"],
        ["c", "d"],
      ],
    },
    { name: "a backslash at the very end", text: "a=b\\", gives: [["a", "b"]] },
    { name: "escapes", text: 'a=\\t\\n\\r\\f\\\\\\=\\"\\z', gives: [["a", '\t\n\r\f\\="z']] },
    { name: "unicode", text: "a=\\u00e9\\u20AC\\ud83d\\ude00", gives: [["a", "é€😀"]] },
    { name: "an escaped backslash before u", text: "a=\\\\u00zz", gives: [["a", "\\u00zz"]] },
    { name: "a key with escaped separators", text: "a\\ b\\:c\\=d = e", gives: [["a b:c=d", "e"]] },
    {
      name: "names of Object's own",
      text: "__proto__=a\nconstructor=b",
      gives: [
        ["__proto__", "a"],
        ["constructor", "b"],
      ],
    },
  ];
  for (const { name, text, gives } of table) {
    it(`reads ${name}`, () => assert.deepEqual(pairs(text), gives));
  }

  it("knows the line each setting begins at, over comments and continued lines", () => {
    const { entries } = read("# one\na=1\\\n2\r\n\r\nb=3\n");
    assert.deepEqual([entries.get("a")?.line, entries.get("b")?.line], [2, 5]);
  });

  it("takes the last of two, and says so without their values", () => {
    const { entries, findings } = read("a=secret1\nb=x\na=secret2\n");
    assert.equal(entries.get("a")?.value, "secret2");
    assert.deepEqual(
      findings.map(({ line, what }) => [line, what]),
      [[3, "a is set twice, in lines 1 and 3; the last one counts"]],
    );
    assert.doesNotMatch(JSON.stringify(findings), /secret/);
  });

  for (const broken of ["u", "u12", "u12g4", "u 123", "u\\u0041"]) {
    it(`refuses ${BACKSLASH}${broken}, naming the line and not the value`, () => {
      assert.throws(
        () => read(`a=1\nkey=secret${BACKSLASH}${broken}`),
        (error) =>
          isTautlineError(error) &&
          error.code === "config.old_setting" &&
          error.message.startsWith("agent.properties: line 2: \\u is not followed by four") &&
          !error.message.includes("secret"),
      );
    });
  }

  it("reads 65,536 bytes and refuses one more", () => {
    const most = `a=${"é".repeat((MAX_OLD_SETTINGS_BYTES - 2) / 2)}`;
    assert.equal(pairs(most).length, 1);
    assert.throws(() => read(`${most}b`), /whole file: it has more than 65536 bytes/);
  });

  it("reads the longest runs of backslashes and of continued lines in no time to speak of", () => {
    assert.equal(pairs(`a=${"\\".repeat(60_000)}b`).length, 1);
    assert.equal(pairs(`a=${"\\\n".repeat(30_000)}b`).length, 1);
  });
});
