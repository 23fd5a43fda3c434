import { fork, type ChildProcess } from "node:child_process";

/** A question to a worker, by name, with what belongs to it. */
interface Question {
  readonly id: number;
  readonly ask: string;
  readonly with?: unknown;
}

/** A child process that answers questions over its channel. */
export interface Worker extends AsyncDisposable {
  readonly pid: number;
  /** Rejects with the worker's own words when it could not do it, or when it ended first. */
  ask<Answer>(question: string, details?: unknown): Promise<Answer>;
  /** Standard output, line by line, from its beginning. */
  readonly firstLine: Promise<string>;
  /** Ends it in an orderly way and resolves when it has. */
  stop(): Promise<void>;
}

const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/**
 * Starts a child process that talks over a channel.
 *
 * @param file module to run
 * @param args its arguments
 * @param execArgv Node's own
 */
export function startWorker(
  file: string,
  args: readonly string[] = [],
  execArgv: readonly string[] = [],
): Worker {
  const child = fork(file, [...args], {
    execArgv: [...execArgv],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
  });
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} did not start`);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const exited = whenExited(child, file, waiting);
  child.on("message", (message: { id?: number; answer?: unknown; error?: string }) => {
    const one = waiting.get(message.id ?? -1);
    waiting.delete(message.id ?? -1);
    if (message.error === undefined) one?.resolve(message.answer);
    else one?.reject(new Error(message.error));
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  let next = 0;
  return {
    pid,
    ask: <Answer>(ask: string, details?: unknown) => {
      const question: Question = { id: (next += 1), ask, with: details };
      const answer = Promise.withResolvers<unknown>();
      waiting.set(question.id, answer);
      child.send(question);
      return answer.promise as Promise<Answer>;
    },
    firstLine: readFirstLine(child, file),
    stop,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/**
 * Answers questions in the process of a worker.
 *
 * @param answers by name
 */
export function answerQuestions(
  answers: Readonly<Record<string, (details: never) => unknown>>,
): void {
  process.on("message", (question: Question) => {
    const answer = answers[question.ask];
    if (answer === undefined) return;
    void reply(question, answer);
  });
}

async function reply(
  { id, with: details }: Question,
  answer: (details: never) => unknown,
): Promise<void> {
  try {
    process.send?.({ id, answer: (await answer(details as never)) ?? null });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
}

function whenExited(
  child: ChildProcess,
  file: string,
  waiting: ReadonlyMap<number, PromiseWithResolvers<unknown>>,
): Promise<void> {
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-4_000);
  });
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      const error = new Error(`${file} ended (${code ?? signal ?? "?"}):\n${complaints}`);
      for (const one of waiting.values()) one.reject(error);
      resolve();
    });
  });
}

function readFirstLine(child: ChildProcess, file: string): Promise<string> {
  const line = new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (more: string) => {
      if (text.includes("\n")) return;
      text += more;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("exit", () => reject(new Error(`${file} ended without a word`)));
  });
  // Not every worker says something.
  line.catch(() => {});
  return line;
}
