import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Gives `use` an empty folder of its own (mode 0700) and removes it afterwards, also when `use` throws.
 *
 * @param use receives the folder's absolute path, free of symbolic links
 * @returns what `use` returned
 */
export async function withTempFolder<Result>(
  use: (folder: string) => Result | Promise<Result>,
): Promise<Result> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "tautline-test-")));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
