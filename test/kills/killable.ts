import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  createSeededRandom,
  launchProcess,
  type LaunchedProcess,
  tautlineCommand,
} from "@tautline/testing";
import { until } from "../until.ts";

/** System calls that change a disk or a peer: between any two of them a crash could leave something half done. */
const CALLS = "write,writev,pwrite64,fsync,fdatasync,ftruncate,rename,renameat2,unlink,unlinkat";

/** One moment of a run: the entry of the `ordinal`th call of that name (1 is the first). */
export interface KillPoint {
  readonly call: string;
  readonly ordinal: number;
}

/** How many points must strike, drawn from which calls of an untroubled run, by which seed. */
export interface Wanted {
  readonly points: number;
  readonly calls: readonly string[];
  readonly seed: string;
}

/** Rounds at most, for each point that is wanted. */
const MOST_ROUNDS = 2;

/** How to run a process under strace. */
export interface Trace {
  /** Its calls are written into this file. */
  readonly writeInto: string;
  /** At the entry of this one it is killed. */
  readonly killAt?: KillPoint;
}

/** What came of a round: the kill struck, or the process lived through it, with these calls. */
export type Outcome = "struck" | { readonly calls: readonly string[] };

/**
 * Starts the `tautline` command with its main thread traced, so that `kill -9` strikes at an exact system call.
 *
 * @param args the verb and its flags
 * @param trace write calls down, or die at the entry of one
 */
export function launchTraced(args: readonly string[], trace: Trace): LaunchedProcess {
  return launchProcess({
    command: "strace",
    // -D makes the command, not the tracer, the process that the test holds.
    args: ["-D", "-qq", ...traceFlags(trace), ...tautlineCommand(), ...args],
  });
}

function traceFlags({ writeInto, killAt }: Trace): string[] {
  const flags = ["-e", `trace=${CALLS}`, "-e", "signal=none", "-o", writeInto];
  if (killAt === undefined) return flags;
  const { call, ordinal } = killAt;
  return [...flags, "-e", `inject=${call}:signal=SIGKILL:when=${ordinal}`];
}

/**
 * Takes hold of a running process with strace, so that calls are counted from this moment on and not from the start of the program.
 *
 * @param process what to hold; its main thread is traced
 * @param trace write calls down, or die at the entry of one
 * @returns the tracer, once it holds the process; when it ends, the process runs on
 */
export async function traceRunning(
  process: LaunchedProcess,
  trace: Trace,
): Promise<LaunchedProcess> {
  const tracer = launchProcess({
    command: "strace",
    args: [...traceFlags(trace), "-p", String(process.pid)],
  });
  const held = /Process \d+ attached/;
  await until(async () => {
    if (held.test(tracer.stderr)) return true;
    const ended = await Promise.race([tracer.exited, Promise.resolve()]);
    assert.equal(ended, undefined, `strace does not hold the process: ${tracer.stderr}`);
    return undefined;
  });
  return tracer;
}

/**
 * Writes down the calls that a running process makes while `work` lasts.
 *
 * @param process whose calls
 * @param writeInto the file to write them into
 * @param work what the process is asked to do meanwhile
 * @returns their names in order
 */
export async function callsDuring(
  process: LaunchedProcess,
  writeInto: string,
  work: () => Promise<void>,
): Promise<string[]> {
  await using tracer = await traceRunning(process, { writeInto });
  await work();
  await tracer.kill("SIGINT");
  return callsSoFar(writeInto);
}

/**
 * Strikes at seeded points, spread over a span of calls, until as many as were wanted have struck. Runs differ, so a point near the
 * end may never come: for each that was missed one more is drawn, from the calls of the run that missed it.
 *
 * @param wanted how many must strike, from which calls, and by which seed
 * @param strike does one round
 */
export async function strikeUntil(
  wanted: Wanted,
  strike: (point: KillPoint, round: number) => Promise<Outcome>,
): Promise<void> {
  let round = 0;
  await strikeWaves(wanted, async (points) => {
    const outcomes: Outcome[] = [];
    for (const point of points) {
      outcomes.push(await strike(point, round));
      round += 1;
    }
    return outcomes;
  });
}

/**
 * As `strikeUntil`, for rounds that can go on side by side: first all points that are wanted, then as many as were missed, and so on.
 *
 * @param wanted how many must strike, from which calls, and by which seed
 * @param strikeAll does a round for each point
 */
export async function strikeWaves(
  { points, calls: untroubled, seed }: Wanted,
  strikeAll: (points: readonly KillPoint[]) => Promise<readonly Outcome[]>,
): Promise<void> {
  const random = createSeededRandom(seed).float;
  let [struck, rounds, calls] = [0, 0, untroubled];
  while (struck < points) {
    const missing = points - struck;
    assert.ok(
      rounds + missing <= MOST_ROUNDS * points,
      `only ${struck} of ${rounds} points struck`,
    );
    const outcomes = await strikeAll(drawKillPoints(calls, missing, random));
    const missed = outcomes.filter((outcome) => outcome !== "struck");
    struck += outcomes.length - missed.length;
    rounds += missing;
    // The longest: a process that was taken hold of late shows only the end of its work, or nothing.
    const [longest] = missed.map((outcome) => outcome.calls).toSorted(byLength);
    if (longest !== undefined && longest.length > 0) calls = longest;
  }
}

/**
 * Reads the names of the traced calls that a run has made so far, in their order.
 *
 * @param file what `writeInto` named
 */
export function callsSoFar(file: string): string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => /^(\w+)\(/.exec(line)?.[1] ?? []);
}

function byLength(one: readonly string[], other: readonly string[]): number {
  return other.length - one.length;
}

/**
 * Tells what came of a round.
 *
 * @param isStruck whether the process was killed at its point
 * @param file where its calls were written
 */
export function outcomeOf(isStruck: boolean, file: string): Outcome {
  return isStruck ? "struck" : { calls: callsSoFar(file) };
}

/** Draws kill points, spread over all calls of an untroubled run, and the same for the same seed. */
function drawKillPoints(
  calls: readonly string[],
  points: number,
  random: () => number,
): KillPoint[] {
  const width = calls.length / points;
  return Array.from({ length: points }, (_, index) => {
    const upTo = calls.slice(0, Math.floor((index + random()) * width) + 1);
    // strace counts each name by itself.
    const call = upTo.at(-1) ?? "write";
    return { call, ordinal: upTo.filter((name) => name === call).length };
  });
}

/** A kill point as failures name it. */
export function spoken({ call, ordinal }: KillPoint): string {
  return `killed at ${call} number ${ordinal}`;
}
