import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Reads every text file of the repository that .gitignore does not exclude; binary files are left out.
 *
 * @param root the repository's folder
 * @returns path from the root (with `/`) to content
 */
export function readTexts(root: string): Map<string, string> {
  const isIgnored = ignoreRule(readFileSync(join(root, ".gitignore"), "utf8"));
  const texts = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (isIgnored(path)) continue;
      if (entry.isDirectory()) visit(path);
      if (!entry.isFile()) continue;
      const bytes = readFileSync(join(root, path));
      if (!bytes.includes(0)) texts.set(path, bytes.toString("utf8"));
    }
  };
  visit("");
  return texts;
}

/**
 * The part of .gitignore's language that this repository uses: `/path/` from the root, `name/` at any depth, `*.ending`.
 *
 * @param lines the content of .gitignore
 * @returns whether a path from the root is ignored
 */
export function ignoreRule(lines: string): (path: string) => boolean {
  const patterns = [".git/", ...lines.split("\n")].filter((line) => line !== "");
  return (path) => patterns.some((pattern) => isMatch(pattern, path));
}

function isMatch(pattern: string, path: string): boolean {
  if (/[?[\]!#]|\*.*\*|^\*[^.]|.\*/.test(pattern))
    throw new Error(`.gitignore: ${pattern}: not understood`);
  if (pattern.startsWith("*")) return path.endsWith(pattern.slice(1));
  const name = pattern.replace(/\/$/, "");
  return name.startsWith("/") ? path === name.slice(1) : path.split("/").includes(name);
}
