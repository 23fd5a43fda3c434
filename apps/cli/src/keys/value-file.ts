import { KEY_FILE_BYTES, readKeyFileText } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import { readInput } from "../input-file.ts";

/**
 * Reads the text of a key from the file that the caller named: never from the command line, where every user of the host reads it.
 *
 * @param file path, or `-` for standard input; one line break at its end does not count
 * @param context current folder and standard input
 * @throws cli.file_unreadable, value.key_text
 */
export async function readValueFile(
  file: string,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<string> {
  return readKeyFileText(await readInput(file, KEY_FILE_BYTES, context));
}
