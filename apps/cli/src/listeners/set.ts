import { TautlineError } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { portValue } from "../option-values.ts";
import { textOf, type Row } from "../row.ts";
import { addressesText, levelsText } from "./listener-text.ts";

interface SetListenerOptions extends CentralOptions {
  readonly port?: number;
  readonly levels?: string;
  readonly bind?: string;
  readonly shared?: true;
}

/** `tautline listeners set NAME`: live; what is no longer accepted is ended with the reason. */
export const setListener: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("open, move or close a port, or change its levels, while central runs")
    .description(
      "Changes a port while central runs, for good. What is new opens before what is old closes, and a port that cannot be " +
        "opened leaves everything as it was. Links at a level that is no longer accepted are ended with the reason; others " +
        "are not touched.",
    )
    .argument(
      "<name>",
      "agents (the secure port), plaintext, receiver or receiver-plaintext (the ports for telemetry)",
    )
    .option("--port <port>", "move it there; 0 takes any free one", portValue)
    .option("--levels <levels>", "accept these, separated by commas: basic,advanced,tls,mtls")
    .option("--bind <who>", "who reaches it: public, loopback (this host alone) or off")
    .option("--shared", "speak plaintext on the secure port, on purpose")
    .addHelpText(
      "after",
      "\nExamples:\n  tautline listeners set agents --levels basic,advanced,tls,mtls\n" +
        "  tautline listeners set plaintext --bind public --port 8787\n" +
        "  tautline listeners set plaintext --bind loopback\n" +
        "  tautline listeners set receiver --bind public --port 11801",
    )
    .action(async (name: string, options: SetListenerOptions) => {
      const { port, bind, levels, shared } = options;
      const change = {
        ...(port === undefined ? {} : { port }),
        ...(bind === undefined ? {} : { bind }),
        ...(levels === undefined ? {} : { levels: levels.split(",").map((each) => each.trim()) }),
        ...(shared === undefined ? {} : { shared }),
      };
      if (Object.keys(change).length === 0) {
        const reason = "It is not said what to change";
        const detail = { reason, command: "tautline listeners set" };
        throw new TautlineError("cli.usage", { detail });
      }
      const client = createAdminClient(context, options);
      const answer = await client.put({ path: ["listeners", name] }, change);
      await context.output.print(answer, () => becameText(answer));
    });
};

function becameText(listener: Row): string {
  const is = `${textOf(listener, "name")} is ${textOf(listener, "bind")}`;
  if (listener["bind"] === "off") return `${is}: nothing is listened on.`;
  return `${is}: it listens on ${addressesText(listener)} and accepts ${levelsText(listener)}.`;
}
