import { posix } from "node:path";
import { finding, type Rule } from "./finding.ts";
import { isTest, productSources } from "./house.ts";

/** A name that says nothing about what is inside. */
const EMPTY_NAMES = new Set(
  "util utils common shared helper helpers misc manager managers".split(" "),
);
const CODE_FOLDERS = /^(?:packages|apps|test|scripts|bench)\//;
const LONGEST_SOURCE = 300;
const LONGEST_TEST = 500;

/** Files are kebab-case nouns; no file or folder bears a name that says nothing. */
export const tellingNames: Rule = (house) =>
  house.sources
    .filter(({ path }) => CODE_FOLDERS.test(path))
    .flatMap(({ path }) => {
      const empty = path.split(/[/.-]/).find((word) => EMPTY_NAMES.has(word.toLowerCase()));
      if (empty !== undefined) return [`${path}: '${empty}' says nothing about what is inside`];
      const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.property)?(?:\.test)?\.(?:d\.)?ts$/;
      return kebab.test(posix.basename(path)) ? [] : [`${path}: is not kebab-case`];
    });

/** Source files stay under 300 lines of code, tests under 500; blank lines and comments are free. */
export const fileSizes: Rule = (house) =>
  house.sources.flatMap(({ path, codeLines }) => {
    const limit = isTest(path) || !/\/src\//.test(path) ? LONGEST_TEST : LONGEST_SOURCE;
    return codeLines > limit
      ? [`${path}: has ${codeLines} lines of code; the limit is ${limit}`]
      : [];
  });

/** A package has one index, which only re-exports; an app has none; nobody has barrels inside. */
export const indexFiles: Rule = (house) =>
  house.sources.flatMap((source) => {
    if (posix.basename(source.path) !== "index.ts") return [];
    if (!/^packages\/[^/]+\/src\/index\.ts$/.test(source.path)) {
      return [`${source.path}: only a package has an index, and only one`];
    }
    const foreign = source.imports.filter(({ text }) => !text.startsWith("./"));
    return [...source.ownStatements, ...foreign].map((one) =>
      finding(source, one, `an index only re-exports files beside it: ${one.text}`),
    );
  });

/** Every export says in a sentence what it is. */
export const documentedExports: Rule = (house) =>
  productSources(house).flatMap((source) =>
    source.undocumentedExports.map((one) =>
      finding(source, one, `export '${one.text}' has no documentation comment`),
    ),
  );

/** The compiler and the linter are never told to look away. */
export const noSwitchedOffChecks: Rule = (house) =>
  [...house.texts]
    .filter(([path]) => path.endsWith(".ts") && !path.includes("/src/gen/"))
    .flatMap(([path, text]) =>
      text.split("\n").flatMap((line, index) => {
        const switchOff =
          /@ts-(?:ignore|nocheck|expect-error)|(?:ox|es)lint-disable|oxfmt-ignor[e]/.exec(line);
        return switchOff === null
          ? []
          : [`${path}:${index + 1}: switches a check off: ${switchOff[0]}`];
      }),
    );

/** Every file parses. */
export const syntax: Rule = (house) =>
  house.sources.flatMap((source) =>
    source.syntaxErrors.map((one) => finding(source, one, one.text)),
  );

/** Time and randomness come into the libraries as arguments, so that no test has to wait or to guess. */
export const noAmbientTime: Rule = (house) =>
  productSources(house)
    .filter(({ path }) => path.startsWith("packages/"))
    .flatMap((source) =>
      source.members
        .filter(({ text }) => AMBIENT.has(text))
        .map((one) => finding(source, one, `'${one.text}' must come in as an argument`)),
    );

const AMBIENT = new Set(["Date.now", "new Date()", "performance.now", "Math.random"]);
