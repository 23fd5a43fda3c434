import { parseCertifiedName } from "@tautline/protocol";
import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { forWhom, placeOf, type PlaceOptions, withPlace } from "../forwards/place.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import { distanceText } from "../time-text.ts";
import { severalValues, useOf } from "./file-names.ts";

interface NamesOptions extends PlaceOptions {
  readonly name: readonly string[];
}

/** `tautline certs allow`: which names agents may have for their hosts' programs. */
export const allowNames: DefineVerb = (command, context) => {
  withPlace(withCentral(command))
    .summary("let agents keep certificates for names")
    .description(
      "Lets the agents of a namespace, or one agent, have certificates for these names, which they keep as files for other " +
        "programs of their hosts ('certificates' in agent.yaml). A name that begins with *. allows exactly that wildcard. " +
        "Names of central and of agents themselves are never allowed.",
    )
    .requiredOption("--name <dns|ip>", "a name; may be repeated", severalValues)
    .option("--server", "for servers (what is meant where neither is said)")
    .option("--client", "for clients; with --server for both")
    .addHelpText(
      "after",
      "\nExample:\n  tautline certs allow --name db.example.org --name 10.0.0.5 --agent ID",
    )
    .action(async (options: NamesOptions & { server?: true; client?: true }) => {
      for (const name of options.name) parseCertifiedName(name);
      const order = { names: options.name, use: useOf(options), ...placeOf(options) };
      const client = createAdminClient(context, options);
      const answer = await client.post({ path: ["certificate-names"] }, order);
      await context.output.print(
        answer,
        () =>
          `Certificates for ${options.name.join(", ")} (${order.use}) are allowed to ${forWhom(placeOf(options))}.`,
      );
    });
};

/** `tautline certs deny`: takes one name back. */
export const denyName: DefineVerb = (command, context) => {
  withPlace(withCentral(command))
    .summary("take a name back")
    .description(
      "Takes back a name that was allowed to a namespace's agents, or with --agent to one. Certificates that have it stay " +
        "good until their end, which is near: 'tautline certs revoke' ends one at once.",
    )
    .requiredOption("--name <dns|ip>", "as 'tautline certs allowed' prints it")
    .action(async (options: PlaceOptions & { readonly name: string }) => {
      const { name } = options;
      const place = placeOf(options);
      const query = { ...place, name };
      await createAdminClient(context, options).delete({ path: ["certificate-names"], query });
      await context.output.print(
        { name, ...place },
        () => `No certificate for ${name} is allowed to ${forWhom(place)} any more.`,
      );
    });
};

/** `tautline certs allowed`: the names that may be had. */
export const listAllowedNames: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show which names agents may have certificates for")
    .description("Shows which names agents may have certificates for, one line each.")
    .option("--namespace <name>", "only those of this namespace")
    .action(async (options: PlaceOptions) => {
      const { namespace } = options;
      await printList(context, options, {
        target: { path: ["certificate-names"], query: { namespace } },
        columns: [
          { title: "NAME", cell: (row) => textOf(row, "name") },
          { title: "USE", cell: (row) => textOf(row, "use") },
          { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
          { title: "AGENT", cell: (row) => textOf(row, "agent") },
          { title: "ALLOWED", cell: (row) => distanceText(row["createdAt"], context.now()) },
        ],
        empty: "No name is allowed. Allow one with 'tautline certs allow --name NAME'.",
      });
    });
};
