import { rename, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { TautlineError } from "@tautline/protocol";
import type { CommandContext } from "./context.ts";
import { systemReason } from "./input-file.ts";

/**
 * Writes a file that the caller named, whole or not at all: who reads it meanwhile sees the one before.
 *
 * @param file path, taken from the caller's folder
 * @param content what is in it; nothing secret, everybody may read it as far as the caller's umask lets them
 * @param context current folder
 * @throws cli.file_unwritable
 */
export async function writeOutput(
  file: string,
  content: string | Uint8Array,
  context: Pick<CommandContext, "cwd">,
): Promise<void> {
  const path = resolve(context.cwd, file);
  const unfinished = `${path}.new`;
  try {
    await writeFile(unfinished, content, { flush: true });
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    const detail = { file, reason: systemReason(cause) };
    throw new TautlineError("cli.file_unwritable", { cause, detail });
  }
}
