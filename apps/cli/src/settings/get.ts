import { TautlineError } from "@tautline/protocol";
import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import { type SettingOptions, withNamespace } from "./scope.ts";

/** `tautline settings get KEY`: the value alone on stdout. */
export const getSetting: DefineVerb = (command, context) => {
  withNamespace(withCentral(command))
    .summary("print one value")
    .description("Prints one value as it was set, and nothing else.")
    .argument("<key>", "such as agents.heartbeatSeconds")
    .action(async (key: string, options: SettingOptions) => {
      const settings = await createAdminClient(context, options).list({ path: ["settings"] });
      const wanted = options.namespace ?? "";
      const found = settings.find(
        (row) => row["key"] === key && textOf(row, "namespace") === wanted,
      );
      if (found === undefined) {
        const detail = { thing: "value set for", id: key, noun: "settings" };
        throw new TautlineError("api.not_found", { detail });
      }
      await context.output.print(found, () => textOf(found, "value"));
    });
};
