import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import type { CommandContext } from "./context.ts";
import type { ExitCode } from "./exit-code.ts";
import { createOutput } from "./output.ts";
import { runProgram } from "./program.ts";

/** 2026-11-22T10:03:15Z, the time in every test of the command. */
export const TEST_NOW_MS: number = Date.parse("2026-11-22T10:03:15Z");

/** What a command line did. */
export interface CommandResult {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** A context that records what is written; its user cannot be asked and is nobody. */
export interface RecordedContext {
  readonly context: Omit<CommandContext, "endWith">;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/**
 * Makes a context for tests.
 *
 * @param cwd the caller's folder
 * @param changes what differs; `json` sets the output's form
 */
export function createRecordedContext(
  cwd: string,
  { json = false, ...changes }: Partial<CommandContext> & { readonly json?: boolean } = {},
): RecordedContext {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const context = {
    output: createOutput({
      stdout: { write: (text) => stdout.push(text) },
      stderr: { write: (text) => stderr.push(text) },
      json,
      colour: { stdout: false, stderr: false },
      columns: 100,
    }),
    environment: {},
    cwd,
    now: () => TEST_NOW_MS,
    stdin: emptyInput(),
    interactive: false,
    userId: 1000,
    self: ["/nowhere/node"] as const,
    tautline: "./bin/tautline",
    takeSignals: () => ({
      stop: new AbortController().signal,
      kill: new AbortController().signal,
    }),
    ...changes,
  };
  return { context, stdout, stderr };
}

/**
 * Runs one command line inside this process.
 *
 * @param line words separated by spaces, without the program's name
 * @param cwd the caller's folder
 * @param changes what differs in the context
 */
export async function runLine(
  line: string,
  cwd: string,
  changes: Partial<CommandContext> = {},
): Promise<CommandResult> {
  const argv = line.split(" ").filter((word) => word !== "");
  const recorded = createRecordedContext(cwd, { ...changes, json: argv.includes("--json") });
  const code = await runProgram(argv, recorded.context, "1.2.3");
  return { code, stdout: recorded.stdout.join(""), stderr: recorded.stderr.join("") };
}

/** A request as the stand-in for central saw it. */
export interface SeenRequest {
  readonly line: string;
  readonly body: unknown;
}

/** Answers by request line, such as "GET /api/v1/agents"; the query belongs to the line. */
export type Answers = Readonly<
  Record<string, { readonly status?: number; readonly body?: unknown }>
>;

/**
 * Stands in for central on FOLDER/admin.sock while `use` runs.
 *
 * @param folder a data folder
 * @param answers anything else is answered with 404
 * @param use receives the requests seen so far
 */
export async function withFakeCentral<Result>(
  folder: string,
  answers: Answers,
  use: (seen: readonly SeenRequest[]) => Promise<Result>,
): Promise<Result> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const line = `${request.method} ${request.url}`;
      const text = Buffer.concat(chunks).toString("utf8");
      seen.push({ line, body: text === "" ? undefined : JSON.parse(text) });
      const { status = 200, body } = answers[line] ?? { status: 404 };
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  server.listen(join(folder, "admin.sock"));
  await once(server, "listening");
  try {
    return await use(seen);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

async function* emptyInput(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(0);
}
