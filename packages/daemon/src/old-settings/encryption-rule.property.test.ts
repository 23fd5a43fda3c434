import assert from "node:assert/strict";
import { it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { decideEncryption } from "./encryption-rule.ts";
import { findPairSettings } from "./pair-sources.ts";
import { parseProperties } from "./properties.ts";

const SECRET = "S3CR3T";
const word = fc.constantFrom(
  "true",
  "false",
  "TRUE",
  "yes",
  "",
  SECRET,
  `"${SECRET}"`,
  `"${SECRET}'"`,
);
const name = fc.constantFrom(
  "takipi.encrypt",
  "takipi.encrypt.fast",
  "takipi.encrypt.key",
  "x.encrypt.key",
  "encrypt",
  "takipi.encypt",
);
const settings = fc.array(fc.tuple(name, word), { maxLength: 5 });
const variables = fc.dictionary(
  fc.constantFrom("TAKIPI_ENCRYPT", "TAKIPI_ENCRYPT_KEY", "X_ENCRYPT_KEY", "TAKIPI_ARGS"),
  fc.oneof(
    word,
    settings.map((list) => list.map((pair) => pair.join("=")).join(",")),
  ),
  { noNullPrototype: true },
);

it("OV-9, OV-12: whatever is set where, a key goes out as the key or not at all, and no level without its key", () => {
  fc.assert(
    fc.property(settings, variables, (list, environment) => {
      const text = list.map((pair) => pair.join(" = ")).join("\n");
      try {
        const sources = findPairSettings(parseProperties("f", text), (one) => environment[one]);
        const { level, keyText, findings } = decideEncryption(sources);
        assert.equal(keyText === undefined, level === "plaintext");
        assert.ok(!JSON.stringify(findings).includes(SECRET));
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "config.old_setting", String(error));
        assert.ok(!`${error.message}${error.remedy}`.includes(SECRET));
      }
    }),
  );
});
