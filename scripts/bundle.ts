import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** CommonJS packages ask for Node's own modules by `require`, which an ES module does not have. */
const REQUIRE = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

/**
 * Puts the `tautline` command and all it imports into a few files, as it is released: it starts in about half of the time and with
 * three quarters of the memory, because Node no longer looks for hundreds of modules one by one.
 *
 * @param root the repository's folder
 * @param folder where to write the files; what is in it is removed before
 * @returns the path of the file to start
 */
export async function bundleProgram(root: string, folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["apps/cli/src/main.ts"],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // One file a verb: what a command does not use is not loaded.
    splitting: true,
    format: "esm",
    platform: "node",
    // The oldest Node that agents run on.
    target: "node22",
    keepNames: true,
    banner: { js: REQUIRE },
    logLevel: "silent",
  });
  return join(folder, "main.mjs");
}
