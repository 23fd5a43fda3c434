import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { asText } from "../row.ts";
import { renderPage } from "../table.ts";
import { timeText } from "../time-text.ts";

/** `tautline namespaces show NAME` */
export const showNamespace: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show one namespace")
    .description("Shows one namespace.")
    .argument("<name>")
    .action(async (name: string, options: CentralOptions) => {
      const { output } = context;
      const client = createAdminClient(context, options);
      const namespace = await client.get({ path: ["namespaces", name] });
      await output.print(namespace, () =>
        renderPage(
          Object.entries(namespace).map(([key, value]) => [
            words(key),
            key.endsWith("At") ? timeText(value) : asText(value),
          ]),
          output.paint,
        ),
      );
    });
};

function words(key: string): string {
  return key.replace(/At$/, "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
