import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as setTimeoutPromise } from "node:timers/promises";

/** How a stage's process ended. */
export interface StageEnd {
  /** Exit code 0, in time, with nothing left behind. */
  readonly ok: boolean;
  /** Why it is not ok, in words; empty when it is, and when the exit code says it all. */
  readonly reason: string;
}

/** What to run and for how long. */
export interface StageOrder {
  /** Arguments for the Node of this process. */
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ceilingMs: number;
  /** Calls `stop` after `ms`; the clock of this machine unless told. Returns what takes it back. */
  readonly startCeiling?: ((ms: number, stop: () => void) => () => void) | undefined;
  /** Receives standard output and error as they come. */
  readonly onOutput: (text: string) => void;
  /** Receives each message that the process sends. */
  readonly onMessage?: (message: unknown) => void;
}

/** A process outside of the group may hold the output open; it gets this long to let go. */
const OUTPUT_GRACE_MS = 5_000;

/**
 * Runs Node in a process group of its own, without standard input, and ends the whole group when the ceiling is reached,
 * when this process is told to stop, and when the process ended but left others behind.
 */
export async function runStageProcess(order: StageOrder): Promise<StageEnd> {
  const { args, folder, environment, ceilingMs, startCeiling = startTimer } = order;
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const group = child.pid;
  if (group === undefined) return { ok: false, reason: "could not be started" };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", order.onOutput);
  }
  if (order.onMessage !== undefined) child.on("message", order.onMessage);

  let reason = "";
  const endCeiling = startCeiling(ceilingMs, () => {
    reason = `was stopped after ${ceilingMs / 60_000} minutes`;
    killGroup(group);
  });
  const interrupt = (signal: NodeJS.Signals): void => {
    killGroup(group);
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);

  // Output and messages may still arrive after the exit; the ends of their channels come after the last of them.
  const heard = Promise.all([once(child, "close"), once(child, "disconnect")]);
  const [code] = (await once(child, "exit")) as [number | null];
  endCeiling();
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  const left = processesOfGroup(group);
  if (left.length > 0) killGroup(group);
  if (left.length > 0 && reason === "") reason = `left processes running: ${left.join("; ")}`;
  await Promise.race([heard, setTimeoutPromise(OUTPUT_GRACE_MS, undefined, { ref: false })]);
  return { ok: code === 0 && reason === "", reason };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // The last of the group ended by itself in this moment.
  }
}

/** Command lines of the live processes of a group, as Linux shows them (proc(5)); none elsewhere. */
function processesOfGroup(group: number): string[] {
  return listProc()
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      const stat = readProc(`${pid}/stat`);
      const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (processGroup !== String(group) || state === "Z" || state === "X") return [];
      return [readProc(`${pid}/cmdline`).replaceAll("\0", " ").trim() || `process ${pid}`];
    });
}

function listProc(): string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return [];
  }
}

/** Empty for a process that has ended in the meantime. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}

function startTimer(ms: number, stop: () => void): () => void {
  const timer = setTimeout(stop, ms);
  return () => clearTimeout(timer);
}
