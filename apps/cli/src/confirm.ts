import { TautlineError } from "@tautline/protocol";
import type { CommandContext } from "./context.ts";

/**
 * Asks before something that cannot be taken back; `--yes` answers.
 *
 * @param question what will happen, as a question
 * @param yes whether `--yes` was given
 * @param context whether a person can be asked
 * @throws cli.confirmation_needed where nobody can be asked, cli.declined after a no
 */
export async function confirm(
  question: string,
  yes: boolean,
  context: Pick<CommandContext, "interactive" | "output">,
): Promise<void> {
  if (yes) return;
  if (!context.interactive || context.output.json) {
    throw new TautlineError("cli.confirmation_needed", { detail: { question } });
  }
  const prompts = await import("@clack/prompts");
  const answer = await prompts.confirm({ message: question, initialValue: false });
  if (answer !== true) throw new TautlineError("cli.declined");
}
