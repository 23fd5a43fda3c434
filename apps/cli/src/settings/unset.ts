import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { scopeText, type SettingOptions, withNamespace } from "./scope.ts";

/** `tautline settings unset KEY`: back to the default, by a signed instruction. */
export const unsetSetting: DefineVerb = (command, context) => {
  withNamespace(withCentral(command))
    .summary("take one value back")
    .description(
      "Takes one value back; agents return to the next wider setting, or to their default.",
    )
    .argument("<key>", "such as agents.heartbeatSeconds")
    .action(async (key: string, options: SettingOptions) => {
      const { namespace } = options;
      const client = createAdminClient(context, options);
      const answer = await client.delete({ path: ["settings"], query: { namespace, key } });
      await context.output.print(
        { key, ...answer },
        () => `${key} is no longer set for ${scopeText(namespace)}.`,
      );
    });
};
