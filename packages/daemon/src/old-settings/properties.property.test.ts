import assert from "node:assert/strict";
import { it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { parseProperties } from "./properties.ts";

/** As java.util.Properties.store writes: separators, comment signs and leading blanks escaped, the rest of Latin-1 as \uXXXX. */
function escape(text: string, isKey: boolean): string {
  return Array.from({ length: text.length }, (_, at) => {
    const unit = text[at] ?? "";
    if (unit === " ") return isKey || at === 0 ? "\\ " : " ";
    if ("\\=:#!".includes(unit)) return `\\${unit}`;
    const named = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f" }[unit];
    if (named !== undefined) return named;
    const code = unit.charCodeAt(0);
    return code < 0x20 || code > 0x7e ? `\\u${code.toString(16).padStart(4, "0")}` : unit;
  }).join("");
}

const text = fc.string({ unit: "binary", maxLength: 30 });
const separator = fc.constantFrom("=", " = ", ":", "\t:\f", " =");
const lineEnd = fc.constantFrom("\n", "\r\n", "\r", "\n# a=b\n", "\n\n", "\n  ! c\\\n");

it("what Java would write is read back the same, whatever the separators and line ends", () => {
  const entry = fc.tuple(text, separator, text, lineEnd);
  fc.assert(
    fc.property(fc.uniqueArray(entry, { selector: ([key]) => key, maxLength: 8 }), (entries) => {
      const file = entries
        .map(
          ([key, sign, value, end]) => `${escape(key, true)}${sign}${escape(value, false)}${end}`,
        )
        .join("");
      const read = [...parseProperties("f", file).entries].map(([key, { value }]) => [key, value]);
      assert.deepEqual(
        read,
        entries.map(([key, , value]) => [key, value]),
      );
    }),
  );
});

it("any text gives settings or config.old_setting with a line, never another error and never a value", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\\", "\\u", "\\u00", "=", ":", " ", "\n", "\r\n", "#", "!", "a=", "SECRET"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        for (const { line } of parseProperties("f", pieces.join("")).entries.values()) {
          assert.ok(line >= 1);
        }
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "config.old_setting", String(error));
        assert.match(error.message, /^f: line \d+: /);
        assert.doesNotMatch(error.message, /SECRET/);
      }
    }),
  );
});
