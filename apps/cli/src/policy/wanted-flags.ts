import { type Command, Option } from "commander";
import { isLevel, type Level, LEVELS, TautlineError } from "@tautline/protocol";
import { levelValue } from "../option-values.ts";
import type { Row } from "../row.ts";

/** What a command line says of the policy that it wants. */
export interface WantedOptions {
  readonly floor?: Level;
  readonly accept?: string;
  readonly kind?: string;
  readonly require?: "client-proof";
  readonly postQuantum?: "require" | "prefer";
  readonly loopback?: "keep" | "off";
  readonly namespace: string;
}

/**
 * Adds the flags that say which policy is wanted, and for whom.
 *
 * @param command a verb of `tautline policy`
 */
export function withWantedFlags(command: Command): Command {
  return command
    .option("--floor <level>", "accept this level and those above it", levelValue)
    .option("--accept <levels>", "accept exactly these, separated by commas: basic,tls,mtls")
    .option(
      "--kind <kinds>",
      "only links of these kinds: control, forward, receiver (default: control,forward)",
    )
    .addOption(
      new Option("--require <what>", "client-proof: who dials proves who it is").choices([
        "client-proof",
      ]),
    )
    .addOption(
      new Option(
        "--post-quantum <how>",
        "require: the key exchange withstands a quantum computer (default: prefer)",
      ).choices(["require", "prefer"]),
    )
    .addOption(
      new Option(
        "--loopback <how>",
        "plaintext from central's own host: keep it, whatever else is asked for, or switch it off too (default: keep)",
      ).choices(["keep", "off"]),
    )
    .option("--namespace <name>", "the agents of this namespace", "default");
}

/**
 * Reads those flags as the API takes them.
 *
 * @param options of the command line
 * @param command the verb, for what is said of a slip
 * @returns the request's fields; what is not said is left to central
 * @throws cli.usage where not exactly one of --floor and --accept is given, or --accept names what is no level
 */
export function wantedOrder(options: WantedOptions, command: string): Row {
  const { floor, accept, kind, require, postQuantum, loopback, namespace } = options;
  if ((floor === undefined) === (accept === undefined)) {
    const reason =
      floor === undefined
        ? "It is not said which levels are wanted: --floor LEVEL or --accept LEVELS"
        : "Both --floor and --accept are given";
    throw new TautlineError("cli.usage", { detail: { reason, command } });
  }
  return {
    namespace,
    ...(floor !== undefined && { floor }),
    ...(accept !== undefined && { accept: levelsIn(accept, command) }),
    ...(kind !== undefined && { kinds: wordsIn(kind) }),
    ...(require !== undefined && { clientProof: "require" }),
    ...(postQuantum !== undefined && { postQuantum }),
    ...(loopback !== undefined && { loopback }),
  };
}

function levelsIn(text: string, command: string): readonly Level[] {
  const words = wordsIn(text);
  const levels = words.filter(isLevel);
  if (levels.length === words.length) return levels;
  const reason = `--accept takes levels, separated by commas: ${LEVELS.join(", ")}`;
  throw new TautlineError("cli.usage", { detail: { reason, command } });
}

function wordsIn(text: string): readonly string[] {
  return text.split(",").map((each) => each.trim());
}
