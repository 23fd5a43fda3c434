import type { Rule } from "./finding.ts";

/** A class of one letter keeps each name out of this very file. */
const REGISTRY_HOST =
  /registry\.npmj[s]|registry\.yarnpk[g]|npm\.pkg\.githu[b]|deb\.debia[n]|proxy\.golan[g]/;
/** Folders of one person's or one build machine's own; `/root/` and `/home/` may stand alone, as in a systemd unit. */
const MACHINE_PATH = /(?<![\w.}$*-])\/(?:home|Users|work|workspace|builds|farm)\/[\w.-]+/;

/** Nothing in the repository depends on one machine or one registry. */
export const noMachineWords: Rule = (house) =>
  [...house.texts].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const word = (REGISTRY_HOST.exec(line) ?? MACHINE_PATH.exec(line))?.[0];
      return word === undefined ? [] : [`${path}:${index + 1}: names '${word}'`];
    }),
  );

/** Pages end their lines plainly and their file with one newline; the formatter sees to the code. */
export const plainPages: Rule = (house) =>
  [...house.texts]
    .filter(([path]) => path.endsWith(".md"))
    .flatMap(([path, text]) => {
      const trailing = text.split("\n").findIndex((line) => /[ \t\r]$/.test(line));
      if (trailing !== -1) return [`${path}:${trailing + 1}: ends in a blank`];
      return text.endsWith("\n") && !text.endsWith("\n\n")
        ? []
        : [`${path}: does not end in one newline`];
    });

/** A page that names a file is followed there by its reader: README.md and docs lead to nothing that is gone. */
export const namedPaths: Rule = (house) => {
  const paths = new Set(house.texts.keys());
  const folders = new Set([...paths].flatMap(foldersOf));
  return [...house.texts]
    .filter(([path]) => path.endsWith(".md") && path !== "CHANGELOG.md")
    .flatMap(([path, text]) =>
      text.split("\n").flatMap((line, index) =>
        [...line.matchAll(NAMED_PATH)]
          .map(([name]) => name.replace(/[./]+$/, ""))
          .filter((name) => !paths.has(name) && !folders.has(name))
          .map((name) => `${path}:${index + 1}: names '${name}', which is not there`),
      ),
    );
};

/** Unit tests of a workspace share processes: what one file prepares before each test would be every file's. */
export const ownPreparation: Rule = (house) =>
  [...house.texts]
    .filter(([path]) => /^(?:packages|apps)\/.*\.test\.ts$/.test(path))
    .flatMap(([path, text]) =>
      text.split("\n").flatMap((line, index) => {
        const hook = /^(?:beforeEach|afterEach)(?=\()/.exec(line)?.[0];
        return hook === undefined ? [] : [`${path}:${index + 1}: '${hook}' outside of a describe`];
      }),
    );

/** A path from the root; one that goes on with a wildcard or a placeholder names nothing. */
const NAMED_PATH =
  /(?<![\w./@-])(?:packages|apps|test|scripts|proto|docs|bin)\/[\w./@-]*\w(?![\w./@-]*[*<{])/g;

function foldersOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, depth) => parts.slice(0, depth + 1).join("/"));
}
