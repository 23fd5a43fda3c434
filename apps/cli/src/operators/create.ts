import { OPERATOR_ROLES, parseOperatorName } from "@tautline/protocol";
import { Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { timeText } from "../time-text.ts";

interface CreateOperatorOptions extends CentralOptions {
  readonly role: string;
  readonly namespace?: string;
  readonly ttl: number;
}

const NINETY_DAYS_MS = 90 * 24 * 60 * 60 * 1_000;

/** `tautline operators create NAME`: prints the token once; central keeps a hash. */
export const createOperator: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("let a person or a program use central's API")
    .description(
      "Makes an operator, and a token by which a person or a program logs in elsewhere. The token alone goes to stdout. " +
        "It is shown once; central keeps only a hash. A viewer looks, an operator runs the fleet, an admin decides who else may.",
    )
    .argument("<name>", "who it is for, such as ana or ci-deploy; stands in the audit trail")
    .addOption(
      new Option("--role <role>", "what it may do").choices(OPERATOR_ROLES).makeOptionMandatory(),
    )
    .option("--namespace <name>", "for this namespace alone (otherwise for every one)")
    .addOption(
      new Option("--ttl <duration>", "how long the token is good, such as 24h, 30d")
        .argParser(durationValue)
        .default(NINETY_DAYS_MS, "90d"),
    )
    .addHelpText(
      "after",
      "\nExample:\n  tautline operators create ana --role operator --namespace lab",
    )
    .action(async (nameText: string, options: CreateOperatorOptions) => {
      const { output } = context;
      const { role, namespace, ttl: ttlMs } = options;
      const name = parseOperatorName(nameText);
      const made = await createAdminClient(context, options).post(
        { path: ["operators"] },
        { name, role, ttlMs, ...(namespace === undefined ? {} : { namespace }) },
      );
      await output.print(made, () => textOf(made, "token"));
      const place = namespace === undefined ? "every namespace" : `namespace ${namespace}`;
      output.note(
        `${name} is ${role} of ${place} until ${timeText(made["expiresAt"])}. Elsewhere: tautline login URL --token-file FILE`,
      );
    });
};
