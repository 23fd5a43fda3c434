import { parseForwardName } from "@tautline/protocol";
import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { forWhom, placeOf, type PlaceOptions, withPlace } from "./place.ts";

/** `tautline forwards deny NAME`: takes one allowance away; another one of the same name stays. */
export const denyForward: DefineVerb = (command, context) => {
  withPlace(withCentral(command))
    .summary("take back what was allowed")
    .description(
      "Takes back what was allowed under NAME to a namespace's agents, or with --agent to one agent. Streams that run by it are " +
        "ended within 5 s. What is allowed under the same name elsewhere stays.",
    )
    .argument("<name>", "as 'tautline forwards list' prints it")
    .action(async (nameText: string, options: PlaceOptions) => {
      const name = parseForwardName(nameText);
      const place = placeOf(options);
      await createAdminClient(context, options).delete({ path: ["forwards", name], query: place });
      await context.output.print(
        { name, ...place },
        () => `Forward ${name} is no longer allowed for ${forWhom(place)}.`,
      );
    });
};
