import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** One step of `npm test`. */
export interface Stage {
  readonly name: string;
  /** Part of `npm run check`: looks at the files and starts nothing of the product. */
  readonly isStatic: boolean;
  /** The ceiling: a stage that takes longer is killed and has failed. */
  readonly minutes: number;
  readonly work: Checks | Tests;
}

/** Commands that pass by exit code 0; each counts as one test. Each is a script for the Node of this process, with its arguments. */
export interface Checks {
  readonly commands: readonly (readonly string[])[];
}

/** Test files for node:test. */
export interface Tests {
  readonly globs: readonly string[];
  /** The ceiling of one test and of one process; the stage's own is for what hangs outside of any. */
  readonly secondsEach: number;
  readonly flags?: readonly string[];
  /** They start the program: bundled, as it is released, and compiled once; not where lines are counted, which that would blur. */
  readonly startsProcesses?: boolean;
  /** Files run at once; as many as there are cores by default. */
  readonly atOnce?: number;
  /** Files that share a process; each has its own by default. */
  readonly filesEach?: number;
}

const LINES_COVERED_PERCENT = 90;

/** Lines of the libraries and apps that their own tests run; generated code and tests are left out, never loaded files count as not run. */
const COVERAGE = [
  "--experimental-test-coverage",
  "--test-coverage-include-all",
  "--test-coverage-include=packages/*/src/**/*.ts",
  "--test-coverage-include=apps/*/src/**/*.ts",
  "--test-coverage-exclude=**/gen/**",
  "--test-coverage-exclude=**/*.test.ts",
  `--test-coverage-lines=${LINES_COVERED_PERCENT}`,
];

/** The stages in their order: what is quick and says most comes first. */
export const STAGES: readonly Stage[] = [
  checks("types", 3, [
    ["node_modules/typescript/bin/tsc", "-p", "."],
    ["node_modules/typescript/bin/tsc", "-p", "packages/protocol"],
  ]),
  checks("lint", 3, [["node_modules/oxlint/bin/oxlint", "--type-aware"]]),
  checks("format", 2, [["node_modules/oxfmt/bin/oxfmt", "--check"]]),
  checks("generated", 3, [["scripts/generate.ts", "--check"]]),
  {
    name: "architecture",
    isStatic: true,
    minutes: 3,
    work: {
      globs: [
        "test/architecture.test.ts",
        "test/architecture/**/*.test.ts",
        "scripts/**/*.test.ts",
        "bench/**/*.test.ts",
      ],
      secondsEach: 60,
    },
  },
  {
    name: "unit",
    isStatic: false,
    minutes: 10,
    work: {
      globs: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts"],
      // Of a process, which runs several files.
      secondsEach: 300,
      flags: COVERAGE,
      filesEach: 12,
      atOnce: 3,
    },
  },
  // Many of them wait for a heartbeat or a limit, so there is room for one more than there are cores.
  tests("integration", 15, 300, availableParallelism() + 1),
  tests("cli", 10, 120),
  tests("interop", 10, 300, availableParallelism() + 1),
  // With the machine to itself: its clock runs faster than the host's, so that each delay counts several times.
  tests("lives", 10, 600, 1),
  tests("faults", 30, 1_200),
  tests("kills", 30, 1_200),
];

/**
 * Chooses stages by the arguments of `npm test -- …`.
 *
 * @param names names of stages; `check` stands for all static ones; none at all for every stage
 * @returns the stages in their own order, or the names that are none
 */
export function chooseStages(
  names: readonly string[],
): { readonly stages: Stage[] } | { readonly unknown: string[] } {
  const known = new Set(["check", ...STAGES.map(({ name }) => name)]);
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) return { unknown };
  const wanted = new Set(names);
  const stages = STAGES.filter(
    ({ name, isStatic }) =>
      wanted.size === 0 || wanted.has(name) || (isStatic && wanted.has("check")),
  );
  return { stages };
}

/** The test files of a stage, sorted; empty while nothing has been written for it. */
export function testFiles(root: string, { globs }: Tests): string[] {
  return globs.flatMap((glob) => globSync(glob, { cwd: root })).sort();
}

/** The arguments of Node for a stage's tests; the reporter sends its counts to this process. */
export function testArguments(
  files: readonly string[],
  { secondsEach, flags = [], atOnce = availableParallelism() }: Tests,
): string[] {
  return [
    "--test",
    `--test-reporter=${join(import.meta.dirname, "reporter.ts")}`,
    "--test-reporter-destination=stdout",
    `--test-concurrency=${atOnce}`,
    `--test-timeout=${secondsEach * 1_000}`,
    ...flags,
    ...files,
  ];
}

function checks(name: string, minutes: number, commands: Checks["commands"]): Stage {
  return { name, isStatic: true, minutes, work: { commands } };
}

function tests(name: string, minutes: number, secondsEach: number, atOnce?: number): Stage {
  return {
    name,
    isStatic: false,
    minutes,
    work: {
      globs: [`test/${name}/**/*.test.ts`],
      secondsEach,
      startsProcesses: true,
      ...(atOnce === undefined ? {} : { atOnce }),
    },
  };
}
