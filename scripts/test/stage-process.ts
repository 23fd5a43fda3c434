import { spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

/** How a stage's process ended. */
export interface StageEnd {
  /** Exit code 0, in time, with nothing left behind. */
  readonly ok: boolean;
  /** Why it is not ok, in words; empty when it is, and when the exit code says it all. */
  readonly reason: string;
  /** What it printed, where that was kept back. */
  readonly output: string;
}

/** What to run and for how long. */
export interface StageOrder {
  /** Arguments for the Node of this process. */
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ceilingMs: number;
  /** Keeps standard output and error back instead of showing them at once. */
  readonly isQuiet: boolean;
  /** Receives each message that the process sends. */
  readonly onMessage?: (message: unknown) => void;
}

/**
 * Runs Node in a process group of its own, without standard input, and ends the whole group when the ceiling is reached,
 * when this process is told to stop, and when the process ended but left others behind.
 */
export async function runStageProcess(order: StageOrder): Promise<StageEnd> {
  const { args, folder, environment, ceilingMs, isQuiet } = order;
  const shown = isQuiet ? "pipe" : "inherit";
  const stdio: StdioOptions = ["ignore", shown, shown, "ipc"];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: environment,
    detached: true,
    stdio,
  });
  const group = child.pid;
  if (group === undefined) return { ok: false, reason: "could not be started", output: "" };

  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  if (order.onMessage !== undefined) child.on("message", order.onMessage);

  let reason = "";
  const ceiling = setTimeout(() => {
    reason = `was stopped after ${formatMinutes(ceilingMs)}`;
    killGroup(group);
  }, ceilingMs);
  const interrupt = (signal: NodeJS.Signals): void => {
    killGroup(group);
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);

  // Messages may still arrive after the exit; the channel's end comes after the last of them.
  const lastMessage = once(child, "disconnect");
  const [code] = (await once(child, "exit")) as [number | null];
  await lastMessage;
  clearTimeout(ceiling);
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  const left = processesOfGroup(group);
  if (left.length > 0) killGroup(group);
  if (left.length > 0 && reason === "") reason = `left processes running: ${left.join("; ")}`;
  return { ok: code === 0 && reason === "", reason, output };
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

function formatMinutes(ms: number): string {
  return ms < 60_000 ? `${ms / 1_000} seconds` : `${ms / 60_000} minutes`;
}
