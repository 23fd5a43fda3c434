import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import { createInterface } from "node:readline";
import { isRow, type Row } from "../row.ts";

const MAX_LOG_BYTES = 16 * 1024 * 1024;
const MAX_TAIL_BYTES = 64 * 1024;

/** How a part ended. */
export interface PartEnd {
  /** "exit code 1", "killed by SIGKILL", or why it could not be started. */
  readonly how: string;
  /** What it said on its way out, if it was a refusal of ours (RFC 9457). */
  readonly problem: Row | undefined;
}

/** A part of the fleet that runs as its own process. */
export interface ChildPart {
  readonly name: string;
  readonly logFile: string;
  /** Resolves once it has ended; never rejects. */
  readonly ended: Promise<PartEnd>;
  /** Resolves with the first event of this name on its stdout; never, if none comes. */
  event(name: string): Promise<Row>;
  /** Asks it to drain and waits until it has ended. */
  stop(): Promise<PartEnd>;
  /** Ends it at once. */
  kill(): void;
}

/** What to start. */
export interface PartOrder {
  /** As it begins a sentence. */
  readonly name: string;
  /** Program first, then its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Takes its stderr; made with mode 0600, kept from growing without end by one older generation. */
  readonly logFile: string;
  /** Written to its stdin, which then closes. */
  readonly input?: string;
}

/**
 * Starts a part in a process group of its own, so that Ctrl-C reaches it only through us and the order of stopping is ours.
 *
 * The IPC channel carries no message: it closes when this process is gone, however it ended, and the part then stops itself.
 *
 * @param order what to start
 */
export function startPart(order: PartOrder): ChildPart {
  const { name, command, logFile } = order;
  const log = openLog(logFile);
  const logStart = fstatSync(log).size;
  const [program, ...args] = command;
  const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", log, "ipc"] });
  closeSync(log);
  feed(child, order.input);
  const events = collectEvents(child);
  const ended = new Promise<PartEnd>((resolve) => {
    child.once("error", (error) => resolve({ how: error.message, problem: undefined }));
    child.once("exit", (code, signal) =>
      resolve({
        how: signal === null ? `exit code ${code}` : `killed by ${signal}`,
        problem: lastProblem(logFile, logStart),
      }),
    );
  });
  return {
    name,
    logFile,
    ended,
    event: events,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

function feed(child: ChildProcess, input: string | undefined): void {
  // A part may end before it has read its input; that shows in `ended`.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
}

function collectEvents(child: ChildProcess): (name: string) => Promise<Row> {
  const waiting = new Map<string, PromiseWithResolvers<Row>>();
  const slot = (name: string): PromiseWithResolvers<Row> => {
    const known = waiting.get(name) ?? Promise.withResolvers<Row>();
    waiting.set(name, known);
    return known;
  };
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const event = parseObject(line);
      if (typeof event?.["event"] === "string") slot(event["event"]).resolve(event);
    });
  }
  return (name) => slot(name).promise;
}

function openLog(path: string): number {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) {
    renameSync(path, `${path}.1`);
  }
  const log = openSync(path, "a+", 0o600);
  fchmodSync(log, 0o600);
  return log;
}

/** Finds the last problem document that was written to a log since a position. */
function lastProblem(path: string, from: number): Row | undefined {
  const log = openSync(path, "r");
  try {
    const { size } = fstatSync(log);
    const start = Math.max(from, size - MAX_TAIL_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    readSync(log, bytes, 0, bytes.length, start);
    return bytes
      .toString("utf8")
      .split("\n")
      .map(parseObject)
      .findLast((value) => String(value?.["type"]).startsWith("urn:tautline:error:"));
  } finally {
    closeSync(log);
  }
}

function parseObject(line: string): Row | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
