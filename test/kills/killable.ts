import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createSeededRandom, launchProcess, type LaunchedProcess } from "@tautline/testing";
import { until } from "../until.ts";

const COMMAND = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));

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

/** How to run the command under strace: writing down its calls, or killed at one of them. */
export type Trace = { readonly writeInto: string } | { readonly killAt: KillPoint };

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
    args: ["-D", "-qq", ...traceFlags(trace), process.execPath, COMMAND, ...args],
  });
}

function traceFlags(trace: Trace): string[] {
  const flags = ["-e", `trace=${CALLS}`, "-e", "signal=none"];
  if ("writeInto" in trace) return [...flags, "-o", trace.writeInto];
  const { call, ordinal } = trace.killAt;
  return [...flags, "-o", "/dev/null", "-e", `inject=${call}:signal=SIGKILL:when=${ordinal}`];
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
 * Strikes at seeded points, spread over a span of calls, until as many as were wanted have struck. Runs differ by a few calls, so a
 * point near the end may never come: for each that was missed one more is drawn.
 *
 * @param wanted how many must strike, from which calls, and by which seed
 * @param strike does one round; tells whether the process was killed in it
 */
export async function strikeUntil(
  wanted: Wanted,
  strike: (point: KillPoint, round: number) => Promise<boolean>,
): Promise<void> {
  let round = 0;
  await strikeWaves(wanted, async (points) => {
    let struck = 0;
    for (const point of points) {
      struck += Number(await strike(point, round));
      round += 1;
    }
    return struck;
  });
}

/**
 * As `strikeUntil`, for rounds that can go on side by side: first all points that are wanted, then as many as were missed, and so on.
 *
 * @param wanted how many must strike, from which calls, and by which seed
 * @param strikeAll does a round for each point; tells how many struck
 */
export async function strikeWaves(
  { points, calls, seed }: Wanted,
  strikeAll: (points: readonly KillPoint[]) => Promise<number>,
): Promise<void> {
  const random = createSeededRandom(seed).float;
  let [struck, rounds] = [0, 0];
  while (struck < points) {
    const missing = points - struck;
    assert.ok(
      rounds + missing <= MOST_ROUNDS * points,
      `only ${struck} of ${rounds} points struck`,
    );
    struck += await strikeAll(drawKillPoints(calls, missing, random));
    rounds += missing;
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
