import { spawn, type ChildProcess } from "node:child_process";
import { createEventFinder, type ProcessEvent } from "./event-finder.ts";
import { createLineLog } from "./line-log.ts";

/** What to launch and how. */
export interface LaunchOptions {
  /** The executable: a path, or a name found on PATH. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to the bare environment (`PASSED_ON`); nothing else of the caller's is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** The working folder; the caller's by default. */
  readonly folder?: string;
  /** Written to standard input, which is then closed; without it standard input is empty. */
  readonly input?: string | Uint8Array;
  /** Leaves standard input open after `input`, for programs that hang up when it ends. */
  readonly keepInputOpen?: boolean;
  /** Ends the waits with an error that shows the output; pass the test's own signal and a hang explains itself. */
  readonly signal?: AbortSignal;
}

/** How a process ended: by its exit code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of a test: killed when the block of its `await using` ends, and at the latest when the test file does. */
export interface LaunchedProcess extends AsyncDisposable {
  readonly pid: number | undefined;
  /** Standard output by lines; each loop starts at the first line. */
  readonly stdoutLines: AsyncIterable<string>;
  /** All of standard output so far. */
  readonly stdout: string;
  /** All of standard error so far. */
  readonly stderr: string;
  /** Resolves when the process has ended and its output is read; rejects when it could not be started. */
  readonly exited: Promise<ProcessEnd>;
  /**
   * Resolves with the first event of standard output that `matches` and that no earlier call returned;
   * rejects, showing the output, when that ends without one.
   */
  readonly waitForEvent: (matches: (event: ProcessEvent) => boolean) => Promise<ProcessEvent>;
  /** Sends a signal (SIGTERM by default) to this process alone and resolves when it has ended. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<ProcessEnd>;
}

/** What any process needs, and where Node finds code compiled already: most of a start is compiling. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "NODE_COMPILE_CACHE"];

const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Starts a process for a test. */
export function launchProcess(options: LaunchOptions): LaunchedProcess {
  const { command, args = [], folder, signal } = options;
  const child = spawn(command, args, {
    env: { ...bareEnvironment(), ...options.env },
    ...(folder === undefined ? {} : { cwd: folder }),
    stdio: "pipe",
  });

  alive.add(child);
  const exited = new Promise<ProcessEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, endSignal) => {
      alive.delete(child);
      resolve({ code, signal: endSignal });
    });
  });
  const kill = (endSignal: NodeJS.Signals = "SIGTERM"): Promise<ProcessEnd> => {
    child.kill(endSignal);
    return exited;
  };

  // A process may end before it has read all its input; that shows in `exited`, not here.
  child.stdin.on("error", () => {});
  if (options.keepInputOpen === true) child.stdin.write(options.input ?? "");
  else child.stdin.end(options.input);
  const stdout = createLineLog();
  const stderr = createLineLog();
  child.stdout.setEncoding("utf8").on("data", stdout.write).once("close", stdout.end);
  child.stderr.setEncoding("utf8").on("data", stderr.write).once("close", stderr.end);

  const explain = (what: string): Error =>
    new Error(
      `${what}: ${[command, ...args].join(" ")}\nstdout:\n${stdout.text}\nstderr:\n${stderr.text}`,
    );
  const find = createEventFinder(stdout);
  const waitForEvent = async (matches: (event: ProcessEvent) => boolean): Promise<ProcessEvent> => {
    const event = await Promise.race([
      find(matches),
      rejectWhenAborted(signal, () => explain("still no such event")),
    ]);
    if (event === undefined) throw explain("ended without such an event");
    return event;
  };

  return {
    pid: child.pid,
    stdoutLines: stdout,
    get stdout() {
      return stdout.text;
    },
    get stderr() {
      return stderr.text;
    },
    exited,
    waitForEvent,
    kill,
    [Symbol.asyncDispose]: async () => void (await kill("SIGKILL")),
  };
}

function bareEnvironment(): Record<string, string> {
  const pairs = PASSED_ON.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function rejectWhenAborted(signal: AbortSignal | undefined, reason: () => Error): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted === true) reject(reason());
    signal?.addEventListener("abort", () => reject(reason()), { once: true });
  });
}
