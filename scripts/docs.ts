/** Writes the pages of docs/reference from the code, as a part of `npm run generate`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { referencePages } from "./docs/pages.ts";

/**
 * Lists the committed pages that are not what the code gives.
 *
 * @param root the repository's folder
 * @returns paths from the root
 */
export function differingPages(root: string): string[] {
  return [...referencePages()]
    .filter(([path, content]) => readPage(join(root, path)) !== content)
    .map(([path]) => path);
}

/**
 * Writes every page.
 *
 * @param root the repository's folder
 */
export function writePages(root: string): void {
  for (const [path, content] of referencePages()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function readPage(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
