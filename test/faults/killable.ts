import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";

const COMMAND = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));

/** System calls that change a disk or a peer: between any two of them a crash could leave something half done. */
const CALLS = "write,writev,pwrite64,fsync,fdatasync,ftruncate,rename,renameat2,unlink,unlinkat";

/** One moment of a run: the entry of the `ordinal`th call of that name (1 is the first). */
export interface KillPoint {
  readonly call: string;
  readonly ordinal: number;
}

/** How to run the command under strace: writing down its calls, or killed at one of them. */
export type Trace = { readonly writeInto: string } | { readonly killAt: KillPoint };

/**
 * Starts the `tautline` command with its main thread traced, so that `kill -9` strikes at an exact system call.
 *
 * @param args the verb and its flags
 * @param trace write calls down, or die at the entry of one
 */
export function launchTraced(args: readonly string[], trace: Trace): LaunchedProcess {
  const mode =
    "killAt" in trace
      ? [
          "-o",
          "/dev/null",
          "-e",
          `inject=${trace.killAt.call}:signal=SIGKILL:when=${trace.killAt.ordinal}`,
        ]
      : ["-o", trace.writeInto];
  return launchProcess({
    command: "strace",
    // -D makes the command, not the tracer, the process that the test holds.
    args: [
      "-D",
      "-qq",
      "-e",
      `trace=${CALLS}`,
      "-e",
      "signal=none",
      ...mode,
      process.execPath,
      COMMAND,
      ...args,
    ],
  });
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

/**
 * Draws kill points from a span of calls, spread over the whole of it and the same for the same seed.
 *
 * @param calls what an untroubled run did, from its first call on
 * @param from how many of them came before the span; the span lasts to the end of `calls`
 * @param points how many
 * @param random 0 to 1, not including 1
 */
export function drawKillPoints(
  calls: readonly string[],
  from: number,
  points: number,
  random: () => number,
): KillPoint[] {
  const width = (calls.length - from) / points;
  return Array.from({ length: points }, (_, index) => {
    const upTo = calls.slice(0, Math.floor(from + (index + random()) * width) + 1);
    // strace counts each name by itself.
    const call = upTo.at(-1) ?? "write";
    return { call, ordinal: upTo.filter((name) => name === call).length };
  });
}

/** A kill point as failures name it. */
export function spoken({ call, ordinal }: KillPoint): string {
  return `killed at ${call} number ${ordinal}`;
}
