import { parseNamespace } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";

/** `tautline namespaces create NAME`: a namespace and its own agents authority. */
export const createNamespace: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("make a namespace")
    .description(
      "Makes a namespace and its own authority, which can name agents of this namespace and nothing else.",
    )
    .argument("<name>", "lower-case letters, digits and inner hyphens; it stands in every identity")
    .action(async (nameText: string, options: CentralOptions) => {
      const name = parseNamespace(nameText);
      const client = createAdminClient(context, options);
      const answer = await client.post({ path: ["namespaces"] }, { name });
      await context.output.print(
        { name, ...answer },
        () =>
          `Namespace ${name} is made. Agents join it with 'tautline tokens create --namespace ${name}'.`,
      );
    });
};
