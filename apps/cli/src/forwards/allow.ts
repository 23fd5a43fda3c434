import { parseForwardName } from "@tautline/protocol";
import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { forWhom, placeOf, type PlaceOptions, withPlace } from "./place.ts";

interface AllowOptions extends PlaceOptions {
  readonly target: string;
  readonly proxyProtocol?: true;
  readonly idle?: number;
  readonly total?: number;
  readonly maxStreams?: number;
  readonly alsoLocal?: true;
}

/** `tautline forwards allow NAME`: agents know the name, and never the address behind it. */
export const allowForward: DefineVerb = (command, context) => {
  withPlace(withCentral(command))
    .summary("let agents reach a target through central")
    .description(
      "Lets the agents of a namespace, or one agent, reach a target through central. Agents ask for NAME and learn no address. " +
        "Central judges the address that the target really has, each time: loopback and link-local addresses, a cloud's " +
        "metadata service and central's own ports are refused unless --target is that very address.",
    )
    .argument("<name>", "what agents ask for: lower-case letters, digits and inner hyphens")
    .requiredOption("--target <host:port>", "where central connects to")
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
        "  tautline forwards allow metrics --target 127.0.0.1:9090 --namespace lab --idle 1h",
    )
    .action(async (nameText: string, options: AllowOptions) => {
      const { target, proxyProtocol, idle, total, maxStreams, alsoLocal } = options;
      const order = {
        name: parseForwardName(nameText),
        ...placeOf(options),
        target,
        ...(proxyProtocol && { proxyProtocol }),
        ...(idle !== undefined && { idleMs: idle }),
        ...(total !== undefined && { totalMs: total }),
        ...(maxStreams !== undefined && { maxStreams }),
        ...(alsoLocal && { alsoLocal }),
      };
      const row = await createAdminClient(context, options).post({ path: ["forwards"] }, order);
      await context.output.print(
        row,
        () =>
          `Forward ${textOf(row, "name")} leads to ${textOf(row, "target")} for ${forWhom(row)}.`,
      );
    });
};
