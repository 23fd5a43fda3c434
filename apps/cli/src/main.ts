import { closeSync, existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import about from "../package.json" with { type: "json" };
import type { StopSignals } from "./context.ts";
import { createOutput, type TextSink } from "./output.ts";
import { runProgram } from "./program.ts";

/** npm passes a terminal's Ctrl-C on although the terminal has sent it already: within this time it is one press. */
const ONE_PRESS_MS = 1000;
const STANDARD_OUTPUT = 1;
const KILLED_BY_INTERRUPT = 130;
const NARROWEST = 60;
const WIDEST = 110;

/** Read before anything else: a parent that is gone already leaves no trace of its channel. */
const isPartOfAnother = process.channel !== undefined;
const argv = process.argv.slice(2);
const endOfOptions = argv.indexOf("--");
const options = endOfOptions === -1 ? argv : argv.slice(0, endOfOptions);

const context = {
  output: createOutput({
    stdout: endQuietly(process.stdout),
    stderr: endQuietly(process.stderr),
    json: options.includes("--json"),
    colour: { stdout: showsColours(process.stdout), stderr: showsColours(process.stderr) },
    columns: Math.min(WIDEST, Math.max(NARROWEST, process.stdout.columns || 80)),
  }),
  environment: {
    ...(process.env.TAUTLINE_DATA ? { dataDir: process.env.TAUTLINE_DATA } : {}),
    ...configFolder(process.env.XDG_CONFIG_HOME, process.env.HOME),
    ...(process.env.TAUTLINE_TOKEN ? { token: process.env.TAUTLINE_TOKEN } : {}),
    foreign: (name: string): string | undefined => process.env[name],
  },
  cwd: process.cwd(),
  now: Date.now,
  stdin: process.stdin,
  standardStreams: () => ({
    input: process.stdin,
    output: process.stdout,
    closeOutput: () => closeSync(STANDARD_OUTPUT),
  }),
  interactive: process.stdin.isTTY && process.stdout.isTTY,
  userId: process.geteuid?.(),
  self: [process.execPath, fileURLToPath(import.meta.url)] as const,
  tautline: existsSync("bin/tautline") ? "./bin/tautline" : "tautline",
  takeSignals,
};

process.exitCode = await runProgram(argv, context, about.version);

/** A reader that goes away (`| head`) is no failure of ours. */
function endQuietly(stream: NodeJS.WriteStream): TextSink {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return stream;
}

/** The XDG base directory specification: a relative path there is to be ignored. */
function configFolder(xdg: string | undefined, home: string | undefined): { configDir?: string } {
  if (xdg !== undefined && isAbsolute(xdg)) return { configDir: join(xdg, "tautline") };
  if (home !== undefined && isAbsolute(home)) return { configDir: join(home, ".config/tautline") };
  return {};
}

function showsColours(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.hasColors();
}

function takeSignals(): StopSignals {
  const stop = new AbortController();
  const kill = new AbortController();
  let firstAtMs: number | undefined;
  const received = (): void => {
    if (firstAtMs === undefined) {
      firstAtMs = performance.now();
      stop.abort();
    } else if (performance.now() - firstAtMs > ONE_PRESS_MS) {
      kill.abort();
      process.exit(KILLED_BY_INTERRUPT);
    }
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, received);
  if (isPartOfAnother) {
    // The process that started this one (quickstart) is gone, however it ended.
    process.once("disconnect", () => stop.abort());
    process.channel?.unref();
    if (!process.connected) stop.abort();
  }
  return { stop: stop.signal, kill: kill.signal };
}
