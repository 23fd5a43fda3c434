import type { CommandContext } from "../context.ts";
import { textOf, type Row } from "../row.ts";

/**
 * Prints a version that was just made: a text that central made goes to standard output alone, this once.
 *
 * @param made central's answer
 * @param given the text that came from a file, if it did: scripts get one form of answer in both cases
 * @param context where it is printed
 */
export async function printNewVersion(
  made: Row,
  given: string | undefined,
  { output }: Pick<CommandContext, "output">,
): Promise<void> {
  const name = textOf(made, "name");
  const version = textOf(made, "version");
  const { value = null, weakness = null } = made;
  await output.print({ ...made, value: given ?? value }, () =>
    given === undefined ? textOf(made, "value") : `Version ${version} of key ${name} is made.`,
  );
  if (given === undefined) {
    output.note("Its text is shown this once and kept nowhere. Put it into a file of mode 0600.");
  }
  if (weakness !== null) {
    output.note(
      `This text is weak: ${textOf(made, "weakness")}. Whoever records one link can guess at it; rotate to a text that central makes.`,
    );
  }
}
