import assert from "node:assert/strict";
import { test } from "node:test";
import { createLineLog } from "./line-log.ts";

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const line of lines) collected.push(line);
  return collected;
}

test("a line is complete when its newline comes, however the text is cut", () => {
  const log = createLineLog();
  for (const piece of ["a", "b\nc", "", "d\n", "\n"]) log.write(piece);
  assert.deepEqual(log.lines, ["ab", "cd", ""]);
  assert.equal(log.text, "ab\ncd\n\n");
});

test("an unfinished last line counts once no more will come", () => {
  const log = createLineLog();
  log.write("done\nhalf");
  assert.deepEqual(log.lines, ["done"]);
  log.end();
  assert.deepEqual(log.lines, ["done", "half"]);
});

test("every reader gets every line, also those before it began, and ends with the log", async () => {
  const log = createLineLog();
  log.write("one\n");
  const early = collect(log);
  log.write("two\n");
  const late = collect(log);
  log.end();
  assert.deepEqual(await early, ["one", "two"]);
  assert.deepEqual(await late, ["one", "two"]);
});

test("a reader that waits wakes up at the next line", async () => {
  const log = createLineLog();
  const reader = log[Symbol.asyncIterator]();
  const waiting = reader.next();
  log.write("now\n");
  assert.deepEqual(await waiting, { value: "now", done: false });
});
