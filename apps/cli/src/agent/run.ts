import { resolve } from "node:path";
import {
  compareLevels,
  parseAgentName,
  parseKeyIdentity,
  TautlineError,
  type Level,
} from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { levelValue } from "../option-values.ts";

interface RunOptions {
  readonly config?: string;
  readonly data?: string;
  readonly centralAddress?: readonly string[];
  readonly central?: string;
  readonly level?: Level;
  readonly keyFile?: string;
  readonly keyName?: string;
  readonly name?: string;
  readonly caFile?: string;
  readonly pin?: readonly string[];
}

/** What runs an agent without joining; the agent reads what is missing from its settings file. */
interface LegacyFlags {
  readonly central: string;
  readonly level: Level | undefined;
  readonly keyFile: string | undefined;
  readonly keyName: string | undefined;
  readonly name: string | undefined;
  readonly caFile: string | undefined;
  readonly pins: readonly string[] | undefined;
}

/** `tautline agent run`: runs a joined agent, or one that needs no identity, until SIGTERM or SIGINT. */
export const runAgentVerb: DefineVerb = (command, context) => {
  command
    .summary("run the agent that joined here, or one without joining")
    .description(
      "Runs the agent that joined here until SIGTERM or Ctrl-C. With --json prints one line at each first answer of " +
        "central; the log goes to stderr either way. With --central it runs without joining: central sees and " +
        "counts the agent, and gives it nothing.",
    )
    .option(
      "--config <file>",
      "settings file (default: agent.yaml in the data folder, if there is one)",
    )
    .option("--data <dir>", "the agent's data folder (or TAUTLINE_DATA)")
    .option(
      "--central-address <host:port...>",
      "where to dial central first, this time; it must be the same central",
    )
    .option("--central <url>", "without joining: host, host:port, or ws://host:port")
    .option(
      "--level <level>",
      "without joining: plaintext, basic, advanced, tls or mtls (default: what its files are for)",
      levelValue,
    )
    .option(
      "--key-file <file>",
      "for basic and advanced: the key's text, mode 0600; read anew at each dial",
    )
    .option("--ca-file <file>", "for tls: the authorities that central must prove itself by")
    .option(
      "--pin <sha256...>",
      "for tls: SHA-256 of a key in central's chain; 'tautline status' at central shows its root's",
    )
    .option("--key-name <name>", "the key's name at central, or name#version (default: legacy)")
    .option("--name <name>", "without joining: a name for people (default: the host's)")
    .addHelpText(
      "after",
      "\nExample:\n  tautline agent run --central central.example.org --level advanced --key-file /etc/tautline/legacy.key",
    )
    .action(async (options: RunOptions) => {
      const legacy = legacyFlags(options, context);
      const { runAgent } = await import("@tautline/agent/main");
      const code = await runAgent(
        {
          ...(options.config === undefined ? {} : { config: resolve(context.cwd, options.config) }),
          data: findDataFolder("agent", options.data, context),
          json: context.output.json,
          centralAddresses: options.centralAddress,
          legacy,
        },
        {
          stdout: (line) => context.output.text(`${line}\n`),
          signal: context.takeSignals().stop,
        },
      );
      context.endWith(code as ExitCode);
    });
};

/** @throws cli.usage for half of what it takes, or for what does not fit together */
function legacyFlags(
  { central, level, keyFile, keyName, name, caFile, pin, centralAddress }: RunOptions,
  { cwd }: CommandContext,
): LegacyFlags | undefined {
  const given = [central, level, keyFile, keyName, name, caFile, pin];
  if (given.every((value) => value === undefined)) return undefined;
  if (central === undefined) throw usage("To run without joining, say where --central is");
  if (centralAddress !== undefined) {
    throw usage("--central-address is for an agent that has joined");
  }
  if (level === "plaintext" && (keyFile ?? keyName) !== undefined) {
    throw usage("At level plaintext there is no key");
  }
  requireTrustFlags(level, caFile, pin);
  if (keyName !== undefined && parseKeyIdentity(keyName) === undefined) {
    throw usage("--key-name is a key's name, or name#version");
  }
  return {
    central,
    level,
    keyFile: keyFile === undefined ? undefined : resolve(cwd, keyFile),
    keyName,
    name: name === undefined ? undefined : parseAgentName(name),
    caFile: caFile === undefined ? undefined : resolve(cwd, caFile),
    pins: pin,
  };
}

/** Hexadecimal or base64, as the agent reads it. */
const PIN = /^(?:[0-9a-f]{64}|[a-z0-9+/_-]{43}=?)$/i;

function requireTrustFlags(
  level: Level | undefined,
  caFile: string | undefined,
  pins: readonly string[] | undefined,
): void {
  const isBelowTls = level !== undefined && compareLevels(level, "tls") < 0;
  if (isBelowTls && (caFile ?? pins) !== undefined) {
    throw usage("--ca-file and --pin are for levels tls and mtls");
  }
  if (pins?.every((text) => PIN.test(text)) === false) {
    throw usage("--pin is a SHA-256, 64 hexadecimal digits or 43 characters of base64");
  }
}

function usage(reason: string): TautlineError {
  return new TautlineError("cli.usage", { detail: { reason, command: "tautline agent run" } });
}
