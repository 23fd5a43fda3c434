import { parseAgentId } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";

/** What differs between the verbs that change one agent and can be taken back. */
export interface SimpleVerb {
  /** Name of the route below the agent. */
  readonly route: string;
  readonly summary: string;
  readonly description: string;
  /** The sentence that people see when it is done. */
  readonly done: (id: string) => string;
}

/**
 * Makes a verb that does one thing to one agent, without a question: it can be taken back.
 *
 * @param verb what it is and says
 */
export function simpleVerb({ route, summary, description, done }: SimpleVerb): DefineVerb {
  return (command, context) => {
    withCentral(command)
      .summary(summary)
      .description(description)
      .argument("<id>", "the agent's id; a name is only a label and is not taken here")
      .action(async (idText: string, options: CentralOptions) => {
        const id = parseAgentId(idText);
        await createAdminClient(context, options).post({ path: ["agents", id, route] });
        await context.output.print({ id }, () => done(id));
      });
  };
}
