import { setInterval } from "node:timers/promises";
import { TautlineError } from "@tautline/protocol";
import { createAdminClient } from "../client.ts";
import type { CentralOptions } from "../central-verb.ts";
import type { CommandContext } from "../context.ts";
import { type Row, textOf } from "../row.ts";
import { endText, reasonText, spentText, stepText } from "./change-text.ts";

const LOOK_EVERY_MS = 500;

/**
 * Shows a change until it has ended: one line that is written over on a terminal, a line for each thing that happens elsewhere. The change goes on
 * whether anybody looks or not.
 *
 * @param context the verb's world
 * @param options what the command line says of central
 * @param begun the change as central answered
 * @returns the change as it has ended
 */
export async function watchChange(
  context: CommandContext,
  options: CentralOptions,
  begun: Row,
): Promise<Row> {
  const client = createAdminClient(context, options);
  const view = await openView(context);
  view.show(begun);
  for await (const _ of setInterval(LOOK_EVERY_MS)) {
    const change = await client.get({ path: ["policy", "changes", textOf(begun, "id")] });
    if (isOver(change)) {
      view.close();
      return change;
    }
    view.show(change);
  }
  throw new TautlineError("internal.unexpected");
}

function isOver(change: Row): boolean {
  return ["done", "undone"].includes(textOf(change, "step"));
}

interface ChangeView {
  show(change: Row): void;
  close(): void;
}

async function openView({ output, interactive }: CommandContext): Promise<ChangeView> {
  if (interactive && !output.json) {
    const { spinner } = await import("@clack/prompts");
    const live = spinner();
    live.start();
    return {
      show: (change) => live.message(`${stepText(change)}${spentText(change)}`),
      close: () => live.clear(),
    };
  }
  let last = "";
  return {
    show: (change) => {
      const text = stepText(change);
      if (text !== last) output.note(text);
      last = text;
    },
    close: () => {},
  };
}

/**
 * Prints how a change has ended.
 *
 * @param context the verb's world
 * @param change as it has ended
 * @param wanted the end that was asked for
 * @throws policy.undone where it was undone although nobody asked
 */
export async function printEnd(
  { output, endWith }: CommandContext,
  change: Row,
  wanted: "done" | "undone",
): Promise<void> {
  await output.print(change, () => endText(change));
  if (textOf(change, "step") === wanted) return;
  if (output.json) return endWith(1);
  const detail = { id: textOf(change, "id"), reason: reasonText(change) };
  throw new TautlineError("policy.undone", { detail });
}
