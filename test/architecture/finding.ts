import type { House } from "./house.ts";
import type { Mention, SourceFile } from "./source-file.ts";

/** A rule looks at the whole house and names every breach, each as `path:line: what is wrong`. */
export type Rule = (house: House) => string[];

/** One breach in a TypeScript file. */
export function finding(source: SourceFile, { line }: Pick<Mention, "line">, what: string): string {
  return `${source.path}:${line}: ${what}`;
}
