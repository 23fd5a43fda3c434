import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf, type Row } from "../row.ts";
import { timeText } from "../time-text.ts";

/** What `--service` says of itself. */
export const SERVICE_HELP =
  "services that its telemetry may claim to be of; a star at the end: all that begin so";
/** What `--instance` says of itself. */
export const INSTANCE_HELP = "instances that it may claim to be (default: any)";

interface Lists {
  readonly service?: readonly string[];
  readonly instance?: readonly string[];
}

/**
 * What the flags list, as central takes it.
 *
 * @param lists several words, or with commas
 */
export function listedIn({ service, instance }: Lists): Row {
  return {
    ...(service !== undefined && { services: names(service) }),
    ...(instance !== undefined && { instances: names(instance) }),
  };
}

function names(list: readonly string[]): string[] {
  return list.flatMap((each) => each.split(",").map((part) => part.trim()));
}

const CLAIMANT_HELP =
  "a client's name, or client:NAME, agent:ID, key:NAME, certificate:PIN, namespace:NAME, nobody";

/** A name alone is a client's. */
function claimantOf(text: string): string {
  return text === "nobody" || text.includes(":") ? text : `client:${text}`;
}

/** `tautline clients allow CLAIMANT --service …`: what its telemetry may claim to be. */
export const allowClaims: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("say what somebody's telemetry may claim to be")
    .description(
      "Says which services, and which instances of them, the telemetry of a client, an agent (with its edge), a shared key or a certificate may " +
        "claim to be of, in place of what was said before. It counts at backends with --claims log or refuse, where whoever has no list may claim " +
        "nothing; 'namespace:NAME' is for all in it that have none of their own, 'nobody' for callers that prove nothing. An OpenTelemetry service " +
        "with a namespace of its own is NAMESPACE/NAME.",
    )
    .argument("<claimant>", CLAIMANT_HELP)
    .requiredOption("--service <names...>", SERVICE_HELP)
    .option("--instance <names...>", INSTANCE_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  tautline clients allow shop --service shop 'shop-*'\n  tautline clients allow namespace:lab --service '*'",
    )
    .action(async (claimant: string, options: CentralOptions & Lists) => {
      const order = { claimant: claimantOf(claimant), ...listedIn(options) };
      const row = await createAdminClient(context, options).post({ path: ["claimants"] }, order);
      await context.output.print(
        row,
        () =>
          `Telemetry of ${textOf(row, "claimant")} may claim to be ${textOf(row, "services")}; instances: ${textOf(row, "instances") || "any"}.`,
      );
    });
};

/** `tautline clients deny CLAIMANT`: takes that back. */
export const denyClaims: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("take back what somebody's telemetry may claim to be")
    .description(
      "Takes back what somebody's telemetry may claim to be; that of its namespace counts then, if there is one. Streams that run are held to it with their next message.",
    )
    .argument("<claimant>", CLAIMANT_HELP)
    .option("--yes", "do not ask")
    .action(async (text: string, { yes, ...options }: CentralOptions & { yes?: boolean }) => {
      const claimant = claimantOf(text);
      await confirm(`Take back what ${claimant} may claim?`, yes === true, context);
      const target = { path: ["claimants"], query: { claimant } };
      await createAdminClient(context, options).delete(target);
      await context.output.print(
        { claimant },
        () => `${claimant} has no list of its own any more.`,
      );
    });
};

/** `tautline clients allowed`: what telemetry may claim to be. */
export const listAllowedClaims: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what telemetry may claim to be")
    .description("Shows what the telemetry of each sender may claim to be, one line each.")
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["claimants"] },
        columns: [
          { title: "CLAIMANT", cell: (row) => textOf(row, "claimant") },
          { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
          { title: "SERVICES", cell: (row) => textOf(row, "services") },
          { title: "INSTANCES", cell: (row) => textOf(row, "instances") || "any" },
          { title: "SINCE", cell: (row) => timeText(row["createdAt"]) },
        ],
        empty:
          "Nothing is said. 'tautline clients allow NAME --service …' says what a client's telemetry may claim to be.",
      });
    });
};
