import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { scopeText, type SettingOptions, withNamespace } from "./scope.ts";

/** `tautline settings set KEY VALUE`: reaches agents as a signed instruction. */
export const setSetting: DefineVerb = (command, context) => {
  withNamespace(withCentral(command))
    .summary("set one value")
    .description(
      "Sets one value. Connected agents get it at once, as a signed instruction; the others when they return.",
    )
    .argument("<key>", "such as agents.heartbeatSeconds")
    .argument("<value>")
    .addHelpText(
      "after",
      "\nExamples:\n  tautline settings set agents.heartbeatSeconds 60\n" +
        "  tautline settings set agents.logLevel debug --namespace lab\n" +
        "  tautline settings set agents.labels.site berlin\n" +
        "  tautline settings set agents.forwards.db 127.0.0.1:5432",
    )
    .action(async (key: string, value: string, options: SettingOptions) => {
      const { namespace } = options;
      const setting = { key, value, ...(namespace === undefined ? {} : { namespace }) };
      const answer = await createAdminClient(context, options).put({ path: ["settings"] }, setting);
      await context.output.print(
        { ...setting, ...answer },
        () => `${key} is now ${value} for ${scopeText(namespace)}.`,
      );
    });
};
