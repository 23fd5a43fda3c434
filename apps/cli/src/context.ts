import type { Readable, Writable } from "node:stream";
import type { ExitCode } from "./exit-code.ts";
import type { Output } from "./output.ts";

/** The two steps by which a person ends a running part. */
export interface StopSignals {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP, and when the process that started this one is gone: drain and stop. */
  readonly stop: AbortSignal;
  /** Aborts at the second one: end now. */
  readonly kill: AbortSignal;
}

/** Standard input and output as bytes. */
export interface StandardStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Lets the reader of the output see its end; nothing can be written after it. */
  closeOutput(): void;
}

/** The variables that the command reads; `main.ts` alone touches the environment. */
export interface Environment {
  /** TAUTLINE_DATA */
  readonly dataDir?: string;
  /** TAUTLINE_TOKEN: a join token for `agent join`, an operator's token for `login` */
  readonly token?: string;
  /** Where this user keeps settings of the command: XDG_CONFIG_HOME/tautline, else HOME/.config/tautline */
  readonly configDir?: string;
  /** Any variable, for the settings of other programs only (OV-12). */
  readonly foreign?: (name: string) => string | undefined;
}

/** Everything of the world outside that a verb may touch; tests hand in their own. */
export interface CommandContext {
  readonly output: Output;
  readonly environment: Environment;
  /** Absolute path of the caller's folder. */
  readonly cwd: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** For verbs that carry bytes; absent where there are none. */
  readonly standardStreams?: () => StandardStreams;
  /** Whether a person at a terminal can be asked. */
  readonly interactive: boolean;
  /** The effective user's number, or undefined where the platform has none. */
  readonly userId: number | undefined;
  /** How to start this same command again as a child process: program first, then its first arguments. */
  readonly self: readonly [program: string, ...firstArguments: string[]];
  /** What a person types to start it: `./bin/tautline` in a clone, else `tautline`. */
  readonly tautline: string;
  /** Takes over the signals; called only by verbs that run until they are stopped. */
  readonly takeSignals: () => StopSignals;
  /** Sets the exit code for a verb that printed its result and yet did not succeed. */
  readonly endWith: (code: ExitCode) => void;
}
