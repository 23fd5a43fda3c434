import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const SUFFIX = ".batch.test.mjs";

/** Test files that share a process. */
export interface Batch {
  readonly name: string;
  readonly files: readonly string[];
}

/**
 * Puts test files of one workspace together, for starting a process and loading the workspace takes longer than most files do.
 *
 * @param files paths from the repository's folder, sorted; the first two folders are the workspace
 * @param most how many share a process at most
 * @returns every file in one batch, in its order; the batches of a workspace are of like size
 */
export function batchFiles(files: readonly string[], most: number): Batch[] {
  const workspaces = Map.groupBy(files, (file) => file.split("/").slice(0, 2).join("-"));
  return [...workspaces].flatMap(([workspace, members]) => {
    const count = Math.ceil(members.length / most);
    return Array.from({ length: count }, (_, index) => {
      const [from, to] = [index, index + 1].map((each) =>
        Math.round((each * members.length) / count),
      );
      return { name: `${workspace}-${index + 1}`, files: members.slice(from, to) };
    });
  });
}

/**
 * Writes each batch as a test file that imports its members.
 *
 * @param batches whose files are paths from `root`
 * @param root the repository's folder
 * @param folder where to write them
 * @returns their paths
 */
export function writeBatches(batches: readonly Batch[], root: string, folder: string): string[] {
  return batches.map(({ name, files }) => {
    const path = join(folder, `${name}${SUFFIX}`);
    const lines = files.map(
      (file) => `import ${JSON.stringify(pathToFileURL(join(root, file)))};\n`,
    );
    writeFileSync(path, lines.join(""));
    return path;
  });
}

/**
 * The members of a batch that `writeBatches` wrote.
 *
 * @param path of any test file
 * @returns absolute paths; the file itself where it is no batch
 */
export function membersOf(path: string): string[] {
  if (!path.endsWith(SUFFIX)) return [path];
  const imports = readFileSync(path, "utf8").matchAll(/^import (".*");$/gm);
  return Array.from(imports, ([, url = ""]) => fileURLToPath(JSON.parse(url) as string));
}
