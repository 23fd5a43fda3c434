import { deriveSharedKey } from "@tautline/pki";
import { parseKeyIdentity, TautlineError } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import { readValueFile } from "../keys/value-file.ts";
import type { GivenKey } from "./key-attempts.ts";

/** What a command line says of a key. */
export interface KeyOptions {
  readonly keyName?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly keyNamespace?: string | undefined;
}

/**
 * Reads the key that a caller gave, as an agent reads it: one trailing line break is none of it.
 *
 * @param options name, `name` or `name#version`; file, or `-` for standard input; namespace
 * @param context the verb's world
 * @returns undefined where none was given
 * @throws value.key_name, value.key_text, value.namespace, cli.usage, cli.file_unreadable
 */
export async function readGivenKey(
  { keyName, keyFile, keyNamespace = "default" }: KeyOptions,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<GivenKey | undefined> {
  if (keyName === undefined && keyFile === undefined) return undefined;
  if (keyName === undefined || keyFile === undefined) {
    const reason = "--key-name and --key-file belong together";
    throw new TautlineError("cli.usage", { detail: { reason, command: "tautline doctor" } });
  }
  const identity = parseKeyIdentity(keyName);
  if (identity === undefined) {
    throw new TautlineError("value.key_name", { detail: { text: keyName } });
  }
  const text = await readValueFile(keyFile, context);
  const place = { namespace: keyNamespace, name: identity.name };
  return { identity, sharedKey: await deriveSharedKey(text, place) };
}
