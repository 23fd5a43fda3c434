import { decodeJoinToken, LIMITS, TautlineError } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import { readInput } from "../input-file.ts";

/**
 * Finds the join token: the argument, `--token-file` (`-` for standard input), or TAUTLINE_TOKEN.
 *
 * @param argument the token as it stands in the join line
 * @param file the value of `--token-file`
 * @param context environment, current folder and standard input
 * @returns the token's text, checked to be complete; undefined where none was given: an interrupted join goes on with its own
 * @throws cli.usage for two tokens, cli.file_unreadable, value.join_token
 */
export async function findJoinToken(
  argument: string | undefined,
  file: string | undefined,
  context: Pick<CommandContext, "environment" | "cwd" | "stdin">,
): Promise<string | undefined> {
  if (argument !== undefined && file !== undefined) {
    const detail = {
      reason: "The token is given twice, as an argument and with --token-file",
      command: "tautline agent join",
    };
    throw new TautlineError("cli.usage", { detail });
  }
  const text = argument ?? (await readTokenFile(file, context)) ?? context.environment.token;
  if (text === undefined) return undefined;
  const token = text.trim();
  decodeJoinToken(token);
  return token;
}

async function readTokenFile(
  file: string | undefined,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return (await readInput(file, LIMITS.joinTokenCharacters.value, context)).toString("utf8");
}
