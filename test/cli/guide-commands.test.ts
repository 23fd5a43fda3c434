import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseScript } from "./script.ts";

/** Guides, and the pages of commands that run what they show. */
const GUIDES: readonly [guide: string, page: string][] = [
  ["from-plaintext-to-mtls.md", "policy-apply.txt"],
  ["telemetry.md", "backends.txt"],
  ["certificates-for-other-programs.md", "certificates.txt"],
];

/** `tautline policy apply --floor` of what a line has: the verb and its flags, without values, which are other ones each time. */
function shapeOf(command: string): string {
  const [, words = ""] = /\btautline ([^#>|&;]+)/.exec(command) ?? [];
  const [noun, verb, ...rest] = words.trim().split(/\s+/);
  const flags = rest.filter((word) => word.startsWith("--")).toSorted();
  return [noun, verb, ...flags].join(" ");
}

for (const [guide, page] of GUIDES) {
  test(`every command that ${guide} shows is run by ${page}`, () => {
    const text = readFileSync(join(import.meta.dirname, "../../docs/guides", guide), "utf8");
    const shown = text.split("\n").filter((line) => line.startsWith("$ tautline "));
    assert.ok(shown.length > 0);
    const { steps } = parseScript(readFileSync(join(import.meta.dirname, page), "utf8"));
    const commands = steps.flatMap(({ command }) => command.split(/&&|;|\|/)).map(shapeOf);
    const isRun = (line: string): boolean => {
      const [noun, verb, ...flags] = shapeOf(line).split(" ");
      return commands.some((command) => {
        const words = command.split(" ");
        return (
          words[0] === noun && words[1] === verb && flags.every((flag) => words.includes(flag))
        );
      });
    };
    assert.deepEqual(
      shown.filter((line) => !isRun(line)),
      [],
    );
  });
}
