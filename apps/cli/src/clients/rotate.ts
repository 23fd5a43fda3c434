import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { timeText } from "../time-text.ts";

interface RotateOptions extends CentralOptions {
  readonly expires?: number;
}

/** `tautline clients rotate NAME`: two tokens live at once, so that programs change over one by one. */
export const rotateClient: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("make another token; the one before stays good until its end")
    .description(
      "Makes another token for a client. The one before stays good until it expires, is revoked, or the next rotation: two live at once, " +
        "so that programs change over one by one.",
    )
    .argument("<name>", "as 'tautline clients list' prints it")
    .option("--expires <duration>", "how long the new token is good (default: 90d)", durationValue)
    .action(async (name: string, { expires, ...options }: RotateOptions) => {
      const { output } = context;
      const order = expires === undefined ? {} : { lifeMs: expires };
      const target = { path: ["clients", name, "rotate"] };
      const made = await createAdminClient(context, options).post(target, order);
      await output.print(made, () => textOf(made, "token"));
      output.note(
        `Good until ${timeText(made["expiresAt"])}. When every program has it: 'tautline clients list', then ` +
          `'tautline clients revoke ${name} --token ID' ends the one before.`,
      );
    });
};
