import { type CentralOptions, withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import { scopeText } from "./change-text.ts";
import { printEnd, watchChange } from "./watch-change.ts";

interface UndoOptions extends CentralOptions {
  readonly namespace: string;
  readonly wait: boolean;
}

/** `tautline policy undo`: the newest change is taken back, whether it is under way or done. */
export const undoPolicy: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("take the newest change of policy back")
    .description(
      "Takes the newest change of a namespace's policy back, whether it is under way or done: listeners and policy are as before, and its exceptions end. " +
        "Agents that have climbed stay where they are. Whatever somebody else has changed meanwhile stays. Once more takes the change before it back.",
    )
    .option("--namespace <name>", "of this namespace", "default")
    .option("--no-wait", "do not wait until it is undone")
    .action(async (options: UndoOptions) => {
      const { namespace, wait } = options;
      const target = { path: ["policy", "undo"] };
      const undoing = await createAdminClient(context, options).post(target, { namespace });
      if (wait) {
        await printEnd(context, await watchChange(context, options, undoing), "undone");
        return;
      }
      const id = textOf(undoing, "id");
      const text = `Change ${id} of the policy of ${scopeText(undoing)} is being undone.`;
      await context.output.print(undoing, () => text);
    });
};
