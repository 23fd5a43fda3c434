import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { timeText } from "../time-text.ts";
import { INSTANCE_HELP, listedIn, SERVICE_HELP } from "./allow.ts";

interface CreateOptions extends CentralOptions {
  readonly namespace: string;
  readonly expires?: number;
  readonly service?: readonly string[];
  readonly instance?: readonly string[];
}

/** `tautline clients create NAME`: prints one token; it is shown once and kept only as a hash. */
export const createClient: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("make a token that a program sends telemetry with")
    .description(
      "Makes a client and its first token. The token alone goes to stdout. It is shown once; central keeps only a hash. A SkyWalking agent " +
        "takes it as SW_AGENT_AUTHENTICATION, an OpenTelemetry one as OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer TOKEN'.",
    )
    .argument("<name>", "lower-case letters, digits and inner hyphens")
    .option("--namespace <name>", "whose it is", "default")
    .option("--expires <duration>", "how long the token is good (default: 90d)", durationValue)
    .option("--service <names...>", SERVICE_HELP)
    .option("--instance <names...>", INSTANCE_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  tautline clients create shop --expires 30d\n  tautline clients create payments --service 'payments/*'",
    )
    .action(async (name: string, { namespace, expires, ...options }: CreateOptions) => {
      const { output } = context;
      const life = expires === undefined ? {} : { lifeMs: expires };
      const order = { name, namespace, ...life, ...listedIn(options) };
      const made = await createAdminClient(context, options).post({ path: ["clients"] }, order);
      await output.print(made, () => textOf(made, "token"));
      output.note(
        `Good for client ${name} in namespace ${namespace} until ${timeText(made["expiresAt"])}.`,
      );
    });
};
