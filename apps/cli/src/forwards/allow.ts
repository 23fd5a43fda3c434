import { Option } from "commander";
import { parseForwardName, TautlineError } from "@tautline/protocol";
import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue } from "../option-values.ts";
import { type Row, textOf } from "../row.ts";
import { forWhom, isReverse, placeOf, type PlaceOptions, withPlace } from "./place.ts";

interface AllowOptions extends PlaceOptions {
  readonly target?: string;
  readonly reverse?: boolean;
  readonly operatorRole?: string;
  readonly proxyProtocol?: true;
  readonly idle?: number;
  readonly total?: number;
  readonly maxStreams?: number;
  readonly alsoLocal?: true;
}

/** `tautline forwards allow NAME`: agents know the name, and never the address behind it. */
export const allowForward: DefineVerb = (command, context) => {
  withPlace(withCentral(command))
    .summary("let agents reach a target, or operators a service of an agent")
    .description(
      "Lets the agents of a namespace, or one agent, reach a target through central. Agents ask for NAME and learn no address. " +
        "Central judges the address that the target really has, each time: loopback and link-local addresses, a cloud's " +
        "metadata service and central's own ports are refused unless --target is that very address. With --reverse it lets operators " +
        "open the service NAME of these agents' hosts instead; where that is, each agent's own agent.yaml says.",
    )
    .argument("<name>", "what agents ask for: lower-case letters, digits and inner hyphens")
    .option("--target <host:port>", "where central connects to")
    .option("--reverse", "let operators open the agents' own service of this name")
    .addOption(
      new Option(
        "--operator-role <role>",
        "the least role that may open it, with --reverse (default: operator)",
      ).choices(["operator", "admin"]),
    )
    .option("--proxy-protocol", "send the target a PROXY header, version 2, that says who connects")
    .option(
      "--idle <duration>",
      "end a stream after so long without a byte (default: 10m)",
      durationValue,
    )
    .option("--total <duration>", "end a stream after so long (default: 24h)", durationValue)
    .option(
      "--max-streams <n>",
      "streams of one agent through it at once (default: 4096)",
      countValue,
    )
    .option(
      "--also-local",
      "a name may lead to central's own host (loopback); an address may be link-local, a metadata service or a port of central",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  tautline forwards allow db --target db.example.org:5432\n" +
        "  tautline forwards allow metrics --target 127.0.0.1:9090 --namespace lab --idle 1h\n" +
        "  tautline forwards allow ssh --reverse --agent ID",
    )
    .action(async (nameText: string, options: AllowOptions) => {
      requireOneDirection(options);
      const order = { name: parseForwardName(nameText), ...placeOf(options), ...saidOf(options) };
      const row = await createAdminClient(context, options).post({ path: ["forwards"] }, order);
      await context.output.print(row, () =>
        isReverse(row)
          ? `Operators may open the service ${textOf(row, "name")} of ${forWhom(row)}.`
          : `Forward ${textOf(row, "name")} leads to ${textOf(row, "target")} for ${forWhom(row)}.`,
      );
    });
};

/** What was said and nothing else: central has the defaults. */
function saidOf({
  target,
  operatorRole,
  proxyProtocol,
  idle,
  total,
  maxStreams,
  alsoLocal,
}: AllowOptions): Row {
  return {
    ...(target === undefined ? { direction: "in" } : { target }),
    ...(operatorRole !== undefined && { operatorRole }),
    ...(proxyProtocol && { proxyProtocol }),
    ...(idle !== undefined && { idleMs: idle }),
    ...(total !== undefined && { totalMs: total }),
    ...(maxStreams !== undefined && { maxStreams }),
    ...(alsoLocal && { alsoLocal }),
  };
}

/** What belongs to one direction is a mistake with the other. */
function requireOneDirection(options: AllowOptions): void {
  const reason = whyMixed(options);
  if (reason === undefined) return;
  const detail = { reason, command: "tautline forwards allow" };
  throw new TautlineError("cli.usage", { detail });
}

function whyMixed({
  target,
  reverse = false,
  operatorRole,
  proxyProtocol,
  alsoLocal,
}: AllowOptions): string | undefined {
  const hasTarget = target !== undefined;
  if (hasTarget === reverse) return "either --target or --reverse is needed, and not both";
  if (hasTarget && operatorRole !== undefined) return "--operator-role is for --reverse";
  const isAboutTarget = proxyProtocol === true || alsoLocal === true;
  if (reverse && isAboutTarget) return "--proxy-protocol and --also-local are for --target";
  return undefined;
}
