import { resolve } from "node:path";
import { type Level, LIMITS, TautlineError } from "@tautline/protocol";
import { InvalidArgumentError } from "commander";
import type { CommandContext } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { readInput } from "../input-file.ts";
import { readGivenKey } from "../doctor/given-key.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue, levelsValue } from "../option-values.ts";

interface SwarmVerbOptions {
  readonly agents: number;
  readonly to: string;
  readonly tokenFile?: string;
  readonly level: readonly Level[];
  readonly plaintextTo?: string;
  readonly keyFile?: string;
  readonly keyName: string;
  readonly keyNamespace?: string;
  readonly duration: number;
  readonly joinRate?: number;
  readonly interval: number;
  readonly longestWait?: number;
  readonly ledger?: string;
  readonly state?: string;
}

const MINUTE_MS = 60_000;
const FIVE_SECONDS_MS = 5_000;

/** `tautline swarm`: many simulated agents in one process, against a central on this host. */
export const swarm: DefineVerb = (command, context) => {
  command
    .summary("simulate many agents against a central on this host")
    .description(
      "Lets many simulated agents loose on a central on this host: each makes its own keys, joins with the token over pinned " +
        "TLS, keeps a link at its level, reports a status that changes, renews its certificates, comes back by itself when " +
        "the link breaks, and climbs to a level that central orders. They follow no settings. Ends after --duration or at SIGTERM with a report; exits 1 if central refused an agent for good.",
    )
    .requiredOption("--agents <n>", "how many", countValue)
    .requiredOption("--to <address>", "central's agents port: a URL or host:port, loopback only")
    .option(
      "--token-file <file>",
      "join token with a use for each agent (- for standard input; or TAUTLINE_TOKEN)",
    )
    .option(
      "--level <levels>",
      "levels at which they begin, in turn: mtls, or several, separated by commas",
      levelsValue,
      ["mtls"],
    )
    .option("--plaintext-to <address>", "central's plaintext port, loopback only; for plaintext")
    .option("--key-file <file>", "the key shared with central; for basic and advanced")
    .option("--key-name <name>", "its name: name, or name#version", "legacy")
    .option("--key-namespace <namespace>", "its namespace (default: default)")
    .option("--duration <time>", "length of the run", durationValue, MINUTE_MS)
    .option("--join-rate <n>", "joins begun per second (default: 64 under way at once)", rateValue)
    .option(
      "--interval <time>",
      "from one status message of an agent to its next; 0s sends it at once",
      durationValue,
      FIVE_SECONDS_MS,
    )
    .option("--longest-wait <time>", "longest wait before a link is dialled again", durationValue)
    .option(
      "--state <folder>",
      "take up the agents that an earlier run left there, and leave these for a later one",
    )
    .option("--ledger <file>", "new file for every acknowledged message, as JSON lines")
    .action((options: SwarmVerbOptions) => runVerb(options, context));
};

async function runVerb(options: SwarmVerbOptions, context: CommandContext): Promise<void> {
  const token = await readToken(options.tokenFile, context);
  const { runSwarm } = await import("@tautline/swarm/main");
  const { agents, to, joinRate, ledger, state, longestWait, keyFile } = options;
  const given = keyFile === undefined ? undefined : await readGivenKey(options, context);
  const code = await runSwarm(
    {
      agents,
      to,
      levels: options.level,
      plaintextTo: options.plaintextTo,
      key: given && { key: given.identity, sharedKey: given.sharedKey },
      token,
      durationMs: options.duration,
      joinRate,
      intervalMs: options.interval,
      longestWaitMs: longestWait,
      state: state === undefined ? undefined : resolve(context.cwd, state),
      ledger: ledger === undefined ? undefined : resolve(context.cwd, ledger),
      json: context.output.json,
    },
    {
      write: (text) => context.output.text(text),
      isTerminal: context.interactive,
      signal: context.takeSignals().stop,
    },
  );
  context.endWith(code as ExitCode);
}

async function readToken(
  file: string | undefined,
  context: Pick<CommandContext, "environment" | "cwd" | "stdin">,
): Promise<string> {
  if (file !== undefined) {
    return (await readInput(file, LIMITS.joinTokenCharacters.value, context)).toString("utf8");
  }
  if (context.environment.token !== undefined) return context.environment.token;
  throw new TautlineError("agent.token_missing");
}

/** Reads a rate for commander: above zero, with or without a fraction. */
function rateValue(text: string): number {
  const value = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new InvalidArgumentError("Write a number above 0, such as 50 or 0.5.");
}
