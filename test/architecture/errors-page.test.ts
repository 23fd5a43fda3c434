import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ERROR_CATALOGUE, type ErrorEntry } from "@tautline/protocol";
import { createHouse, productSources } from "./house.ts";
import { readTexts } from "./read-texts.ts";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs/reference/errors.md"), "utf8");
const catalogue = new Map<string, ErrorEntry>(Object.entries(ERROR_CATALOGUE));

/** The rows of the page, read by hand and not by what wrote them. */
function readRows(markdown: string): Map<string, ErrorEntry> {
  const rows = markdown
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\(.)/g, "$1")));
  return new Map(
    rows.map(([, code = "", sentence = "", remedy = "", status, exit]) => [
      code.replaceAll("`", ""),
      { sentence, remedy, status: Number(status), exit: Number(exit) as ErrorEntry["exit"] },
    ]),
  );
}

test("every error of the catalogue stands on the page of errors as it is", () => {
  const rows = readRows(page);
  for (const [code, entry] of catalogue) assert.deepEqual(rows.get(code), { ...entry }, code);
});

test("every error on the page of errors stands in the catalogue", () => {
  const unknown = [...readRows(page).keys()].filter((code) => !catalogue.has(code));
  assert.deepEqual(unknown, []);
  assert.ok(readRows(page).size > 50, "the page has rows");
});

test("every error is used: no code stands in the catalogue that no source names", () => {
  const sources = productSources(createHouse(readTexts(root)));
  const named = new Set(
    sources
      .filter(({ path }) => !path.startsWith("packages/protocol/src/errors/"))
      .flatMap(({ strings }) => strings.map(({ text }) => text)),
  );
  assert.deepEqual(
    [...catalogue.keys()].filter((code) => !named.has(code)),
    [],
  );
});

test("every code is an area and a situation, in the order of the page", () => {
  for (const code of catalogue.keys()) assert.match(code, /^[a-z0-9]+\.[a-z0-9]+(?:_[a-z0-9]+)*$/);
});

test("every sentence and every remedy is a whole sentence for a person", () => {
  /** A peer's own words are passed on as they came. */
  const passedOn = /^\{\w+\}$/;
  for (const [code, { sentence, remedy }] of catalogue) {
    if (!passedOn.test(sentence)) assert.match(sentence, /^[A-Z'{].+[.)}]$/s, `${code}: sentence`);
    if (!passedOn.test(remedy)) assert.match(remedy, /^[A-Z'{].+[.)]$/s, `${code}: remedy`);
    assert.ok(remedy.length <= 300 && sentence.length <= 200, `${code}: is short enough to read`);
  }
});

test("no error shows a secret: no placeholder is named like one", () => {
  const secret =
    /\{\w*(?:secret|password|passphrase|private|credential|token(?!Id)|key(?!Id|Version|Name))\w*\}/i;
  for (const [code, { sentence, remedy }] of catalogue) {
    assert.doesNotMatch(sentence + remedy, secret, code);
  }
  assert.match("The key {privateKey} is wrong.", secret);
});

test("every status is an error's (RFC 9110), every exit code one of the contract's", () => {
  for (const [code, { status, exit }] of catalogue) {
    assert.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code}: ${status}`);
    assert.ok([1, 2, 3, 4].includes(exit), `${code}: exit code ${exit}`);
  }
});
