import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { toBase64Url } from "./bytes.ts";
import { isTautlineError } from "./error.ts";
import { KEY_FILE_BYTES, parseKeyText, readKeyFileText, weaknessOf } from "./key-text.ts";
import { LIMITS } from "./limits.ts";

describe("the text of a key", () => {
  const longest = "k".repeat(LIMITS.keyTextBytes.value);
  for (const text of ["x", 'with "quotes" (OVP-6)', "schlüssel", longest]) {
    it(`can be ${text.length > 30 ? "1,024 bytes long" : text}`, () => {
      assert.equal(parseKeyText(text), text);
    });
  }
  const refused: [string, string][] = [
    ["", "empty"],
    [`${longest}k`, "one byte too long"],
    ["two\nlines", "two lines"],
    ["nul\0", "with a NUL"],
    ["\ud800", "half a character"],
  ];
  for (const [text, what] of refused) {
    it(`that is ${what} is refused, and not repeated`, () => {
      assert.throws(
        () => parseKeyText(text),
        (error) =>
          isTautlineError(error) &&
          error.code === "value.key_text" &&
          (text === "" || !error.message.includes(text)),
      );
    });
  }
});

const read = (text: string): string => readKeyFileText(Buffer.from(text));
const refusalOf = (bytes: Uint8Array): string => {
  try {
    readKeyFileText(bytes);
  } catch (error) {
    return isTautlineError(error) ? `${error.code}: ${String(error.detail["reason"])}` : "other";
  }
  return "none";
};

describe("the file of a key", () => {
  it("gives every text back as it is, with and without a line break behind it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }),
        fc.constantFrom("", "\n", "\r\n"),
        (text, end) => {
          fc.pre(!/\p{Cc}/u.test(text));
          assert.equal(read(text + end), text);
        },
      ),
    );
  });

  it("either gives a text that can be one or refuses without a word of it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_100 }), (bytes) => {
        const refusal = refusalOf(bytes);
        if (refusal === "none") parseKeyText(readKeyFileText(bytes));
        else assert.match(refusal, /^value\.key_text: it (?:is|has) [a-z0-9 -]+/i);
      }),
    );
  });

  it("has at most so many bytes, and one line break", () => {
    const longest = "k".repeat(LIMITS.keyTextBytes.value);
    assert.equal(read(`${longest}\r\n`), longest);
    assert.equal(`${longest}\r\n`.length, KEY_FILE_BYTES);
    assert.match(refusalOf(Buffer.from(`${longest}k`)), /longer than 1024 bytes/);
    assert.match(refusalOf(Buffer.from("two\n\n")), /line break/);
    assert.match(refusalOf(Buffer.from("\n")), /empty/);
    assert.match(refusalOf(Uint8Array.of(0xff, 0x41)), /not UTF-8/);
  });
});

describe("weak keys are named as weak (OVP-2)", () => {
  for (const text of [
    "changeit",
    "takipi",
    "MySecretKey123",
    "a".repeat(500),
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "12".repeat(50),
    "0123456789".repeat(3),
  ]) {
    it(JSON.stringify(text.slice(0, 40)), () => assert.match(weaknessOf(text) ?? "", /bits/));
  }
  it("and what keygen makes never is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32, size: "max" }), (bytes) => {
        // Of 32 random bytes hardly any repeats; where a shrunk case has few, the text is weak and may be called so.
        fc.pre(new Set(bytes).size > 24);
        assert.equal(weaknessOf(toBase64Url(bytes)), undefined);
      }),
    );
  });
});
