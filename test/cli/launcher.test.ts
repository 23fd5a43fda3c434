import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchProcess, withTempFolder } from "@tautline/testing";

const LAUNCHER = join(import.meta.dirname, "..", "..", "bin", "tautline");

/** A clone in which Node is a script that says what it was started with. */
function makeClone(folder: string): string {
  for (const name of ["bin", "scripts"]) mkdirSync(join(folder, name));
  const launcher = join(folder, "bin", "tautline");
  copyFileSync(LAUNCHER, launcher);
  const said = `printf '%s\\n' "cache=\${NODE_COMPILE_CACHE-unset}" "$@"\n`;
  writeFileSync(join(folder, "scripts", "node"), said);
  return launcher;
}

async function linesOf(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  // The one who runs these tests may have made a choice.
  const words = ["-u", "NODE_COMPILE_CACHE", ...Object.entries(env).map((pair) => pair.join("="))];
  await using process = launchProcess({ command: "env", args: [...words, command, ...args] });
  const { code } = await process.exited;
  assert.equal(code, 0, process.stderr);
  return process.stdout.trimEnd().split("\n");
}

describe("the launcher of the command", () => {
  it("keeps compiled code with the program, where only those who may change the program may write", () =>
    withTempFolder(async (folder) => {
      const [cache] = await linesOf(makeClone(folder), []);
      assert.equal(cache, `cache=${folder}/node_modules/.cache/compiled`);
    }));

  it("leaves the choice to whoever has made one, also that of none", () =>
    withTempFolder(async (folder) => {
      const launcher = makeClone(folder);
      for (const chosen of ["", "elsewhere"]) {
        const [cache] = await linesOf(launcher, [], { NODE_COMPILE_CACHE: chosen });
        assert.equal(cache, `cache=${chosen}`);
      }
    }));

  it("finds its clone through links, and hands every word on as it is", () =>
    withTempFolder(async (folder) => {
      const launcher = makeClone(folder);
      const far = join(folder, "far");
      symlinkSync(launcher, join(folder, "near"));
      symlinkSync("near", far);
      const words = ["agents", "show", "two words", "", "$HOME"];
      const [, program, ...handed] = await linesOf(far, words);
      assert.equal(program, `${folder}/apps/cli/src/main.ts`);
      assert.deepEqual(handed, words);
    }));

  it("compiles into that place for good", () =>
    withTempFolder(async (folder) => {
      const env = { NODE_COMPILE_CACHE: folder };
      await linesOf(LAUNCHER, ["keygen"], env);
      assert.ok(readdirSync(folder).length > 0);
    }));
});
