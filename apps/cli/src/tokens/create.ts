import { Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { timeText } from "../time-text.ts";

interface CreateTokenOptions extends CentralOptions {
  readonly uses: number;
  readonly ttl: number;
  readonly namespace: string;
  readonly approve?: boolean;
}

const HOUR_MS = 3_600_000;

/** `tautline tokens create`: prints one join token; it is shown once and kept only as a hash. */
export const createToken: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("make a token that agents join with")
    .description(
      "Makes a join token: central's addresses, a pin of its key, and a secret that is good for a number of agents " +
        "and a time. The token alone goes to stdout. It is shown once; central keeps only a hash.",
    )
    .option("--uses <n>", "how many agents may join with it", countValue, 1)
    .addOption(
      new Option("--ttl <duration>", "how long it is good, such as 15m, 24h")
        .argParser(durationValue)
        .default(HOUR_MS, "1h"),
    )
    .option("--namespace <name>", "the namespace they join", "default")
    .option("--approve", "whoever joins with it waits until an operator approves")
    .addHelpText("after", "\nExample:\n  tautline tokens create --uses 20 --ttl 24h")
    .action(async (options: CreateTokenOptions) => {
      const { output } = context;
      const token = await createAdminClient(context, options).post(
        { path: ["tokens"] },
        {
          namespace: options.namespace,
          uses: options.uses,
          ttlMs: options.ttl,
          ...(options.approve === true && { approve: true }),
        },
      );
      await output.print(token, () => textOf(token, "token"));
      const agents = options.uses === 1 ? "one agent" : `${options.uses} agents`;
      output.note(
        `Good for ${agents} in namespace ${options.namespace} until ${timeText(token["expiresAt"])}. ` +
          "On the host: tautline agent join TOKEN --run",
      );
      if (options.approve === true) {
        output.note(
          "Each waits for approval: 'tautline agents list --state pending', then 'tautline agents approve ID'.",
        );
      }
    });
};
