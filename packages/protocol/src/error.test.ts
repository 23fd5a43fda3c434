import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ERROR_CATALOGUE, type ErrorCode, type ErrorEntry } from "./error-catalogue.ts";
import { isTautlineError, TautlineError, toTautlineError } from "./error.ts";

const rows: [string, ErrorEntry][] = Object.entries(ERROR_CATALOGUE);

for (const [code, entry] of rows) {
  test(`${code} has a form a person can use: sentence, remedy, status and exit code`, () => {
    assert.match(code, /^[a-z]+\.[a-z0-9_]+$/);

    assert.match(entry.sentence, /^[A-Z'{].*[.)}]$/s);
    assert.match(entry.remedy, /^[A-Z'{].*[.)}]$/s);
    assert.doesNotMatch(entry.sentence + entry.remedy, /\{(?!\w+\})|(?<!\{\w+)\}/);
    assert.ok(entry.status >= 400 && entry.status <= 599);
  });
}

test("every file of errors/ is in the catalogue, and no area hides a code of another", async () => {
  const files = readdirSync(join(import.meta.dirname, "errors")).filter((f) => f !== "entry.ts");
  const areas = await Promise.all(
    files.map(async (file) => {
      const module = (await import(`./errors/${file}`)) as Record<string, object>;
      return Object.values(module).flatMap((table) => Object.keys(table));
    }),
  );
  assert.deepEqual(areas.flat().sort(), rows.map(([code]) => code).sort());
});

test("an error fills its sentence and its remedy from its detail", () => {
  const error = new TautlineError("link.unreachable", {
    detail: { address: "fleet.example:9150", reason: "connection refused" },
  });
  assert.equal(error.message, "No answer from fleet.example:9150: connection refused.");
  assert.match(error.remedy, /'tautline doctor --to fleet\.example:9150'/);
  assert.equal(error.status, 503);
  assert.equal(error.exitCode, 3);
  assert.equal(error.name, "TautlineError");
});

test("a placeholder without a detail shows as a question mark, also one named like a member of Object", () => {
  assert.equal(new TautlineError("value.duration").message, "'?' is not a duration.");
  const inherited = Object.create({ text: "inherited" }) as Record<string, string>;
  assert.equal(
    new TautlineError("value.duration", { detail: inherited }).message,
    "'?' is not a duration.",
  );
});

test("a detail cannot forge lines, move the cursor or run on without end", () => {
  const text = `a\u001b[2J\nb\u202e${"c".repeat(1000)}`;
  const { message } = new TautlineError("value.duration", { detail: { text } });
  assert.ok(message.startsWith("'a\uFFFD[2J\uFFFDb\uFFFDccc"));
  assert.ok(message.length < 330);
});

test("a detail that looks like a placeholder is not filled again", () => {
  const { message } = new TautlineError("value.duration", { detail: { text: "{text}$&" } });
  assert.equal(message, "'{text}$&' is not a duration.");
});

test("an error has a cause only when one was given", () => {
  const cause = new Error("underneath");
  assert.equal(new TautlineError("internal.unexpected", { cause }).cause, cause);
  assert.ok(!Object.hasOwn(new TautlineError("internal.unexpected"), "cause"));
});

test("an error of another copy of this package is recognised, anything else is not", () => {
  const foreign = { [Symbol.for("tautline.error")]: true };
  assert.ok(isTautlineError(foreign));
  assert.ok(isTautlineError(new TautlineError("internal.unexpected")));
  for (const value of [undefined, null, "text", 1, new Error("no"), {}]) {
    assert.ok(!isTautlineError(value));
  }
});

test("an error of ours stays itself, anything else becomes the cause of the fallback", () => {
  const ours = new TautlineError("value.hex");
  assert.equal(toTautlineError(ours), ours);

  const thrown = new Error("underneath");
  const wrapped = toTautlineError(thrown, "store.failed", { reason: "disk" });
  assert.equal(wrapped.code satisfies ErrorCode, "store.failed");
  assert.equal(wrapped.message, "The database refused: disk.");
  assert.equal(wrapped.cause, thrown);
  assert.equal(toTautlineError("thrown text").code, "internal.unexpected");
});
