import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { describeFailure } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";

interface Recorded {
  readonly output: Output;
  readonly stdout: string[];
  readonly stderr: string[];
}

function record(options: { json?: boolean; colour?: boolean } = {}): Recorded {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const colour = options.colour ?? false;
  const output = createOutput({
    stdout: { write: (text) => stdout.push(text) },
    stderr: { write: (text) => stderr.push(text) },
    json: options.json ?? false,
    colour: { stdout: colour, stderr: colour },
    columns: 80,
  });
  return { output, stdout, stderr };
}

const failure = describeFailure(
  new TautlineError("cli.central_not_running", { detail: { dataDir: "/srv/central" } }),
);

test("people get the text and nothing else on stdout", async () => {
  const { output, stdout, stderr } = record();
  await output.print({ a: 1 }, () => "text");
  assert.deepEqual([stdout.join(""), stderr.join("")], ["text\n", ""]);
});

test("with --json stdout is one document and nothing else; notes and help are silent", async () => {
  const { output, stdout, stderr } = record({ json: true });
  output.note("a note");
  output.help("a help page");
  await output.print({ a: 1 }, () => assert.fail("nobody renders text with --json"));
  assert.deepEqual([stdout.join(""), stderr.join("")], ['{"a":1}\n', ""]);
});

test("notes and help go to stderr, so that stdout can be piped", () => {
  const { output, stdout, stderr } = record();
  output.note("a note\u001B[2J");
  output.help("help\n");
  assert.deepEqual([stdout.join(""), stderr.join("")], ["", "a note\uFFFD[2J\nhelp\n"]);
});

test("a failure is code, sentence and remedy on stderr", () => {
  const { output, stdout, stderr } = record();
  output.failure(failure);
  assert.equal(stdout.join(""), "");
  assert.equal(
    stderr.join(""),
    "tautline: cli.central_not_running: No central is running on the data folder /srv/central.\n" +
      "  What to do: Start it with 'tautline central run --data /srv/central', or name another folder with --data or TAUTLINE_DATA.\n",
  );
});

test("with --json a failure is one RFC 9457 document on stderr", () => {
  const { output, stdout, stderr } = record({ json: true });
  output.failure(failure);
  assert.equal(stdout.join(""), "");
  const problem: unknown = JSON.parse(stderr.join(""));
  assert.partialDeepStrictEqual(problem, {
    type: "urn:tautline:error:cli.central_not_running",
    code: "cli.central_not_running",
    status: 503,
  });
});

test("colours appear only where they are wanted, never in a JSON document", async () => {
  const coloured = record({ colour: true });
  assert.equal(coloured.output.paint("red", "x"), "\u001B[31mx\u001B[39m");
  coloured.output.failure(failure);
  assert.ok(coloured.stderr.join("").startsWith("\u001B[31mtautline:"));
  assert.equal(record().output.paint("red", "x"), "x");
  assert.equal(record({ colour: true, json: true }).output.paint("red", "x"), "x");
});

test("JSON on a terminal cannot move its cursor", async () => {
  const { output, stdout } = record({ json: true });
  await output.print({ name: "\u009B2J\u202E" }, () => "");
  assert.equal(stdout.join(""), '{"name":"\\u009b2J\\u202e"}\n');
});
