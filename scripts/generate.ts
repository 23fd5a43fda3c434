/**
 * Generates packages/protocol/src/gen from proto/ (npm run generate), offline, with the pinned buf and protoc-gen-es,
 * and then the pages of docs/reference from the code.
 * With --check nothing is written: it exits 1 and names the files when what is committed is not what would be generated.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname, "..");
const committed = "packages/protocol/src/gen";

/** Runs the pinned buf at the root; its plugins stand beside it. */
function buf(...args: string[]): void {
  const binaries = join(root, "node_modules", ".bin");
  const { status, error } = spawnSync(join(binaries, "buf"), args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: binaries + delimiter + (process.env["PATH"] ?? "") },
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Every file below a folder, relative to it, with its text. */
function filesBelow(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]));
}

/** Generates into an empty folder and lists what differs from the committed code. */
function check(): string[] {
  const scratch = mkdtempSync(join(tmpdir(), "tautline-generate-"));
  try {
    // Plugin paths of buf.gen.yaml are kept below the folder that --output names.
    buf("generate", "--output", scratch);
    const want = filesBelow(join(scratch, committed));
    const have = filesBelow(join(root, committed));
    const names = new Set([...want.keys(), ...have.keys()]);
    return [...names].filter((name) => want.get(name) !== have.get(name)).sort();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function refuse(what: string, differing: readonly string[]): void {
  if (differing.length === 0) return;
  console.error(`${what}: ${differing.join(", ")}`);
  console.error("What to do: run 'npm run generate' and commit the result.");
  process.exitCode = 1;
}

const isCheck = process.argv.includes("--check");
buf("lint");
if (isCheck) refuse(`${committed} is not what proto/ gives`, check());
else buf("generate");

// Loaded only now: the pages come out of packages that load the generated code.
const { differingPages, writePages } = await import("./docs.ts");
if (isCheck) refuse("not what the code gives", differingPages(root));
else writePages(root);
