import { randomBytes } from "node:crypto";
import { parseKeyName, parseNamespace, TautlineError } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import type { DefineVerb } from "../noun.ts";

interface KeygenOptions {
  readonly deriveFor?: string;
  readonly namespace: string;
  readonly valueFile?: string;
}

const KEY_BYTES = 32;

/** `tautline keygen`: 256 random bits as base64url (RFC 4648 section 5); with `--derive-for` what a shared key's text gives. */
export const keygen: DefineVerb = (command, context) => {
  command
    .description(
      "Prints 256 random bits as 43 letters, digits, '-' and '_': a passphrase that nobody guesses. " +
        "Store it before you use it; it is printed once and kept nowhere. With --derive-for it prints instead, as hex, the " +
        "32 bytes that both ends derive from a shared key's text: what a foreign TLS-PSK program, such as stunnel, is given " +
        "on a host that has the text. Nothing is asked of central.",
    )
    .option("--derive-for <key>", "the name of the shared key whose text --value-file holds")
    .option("--namespace <name>", "the namespace of that key", "default")
    .option("--value-file <file>", "the text of that key, or - for standard input")
    .addHelpText(
      "after",
      "\nExample:\n  (umask 077; tautline keygen > central.passphrase)   then 'vault: { passphraseFile: … }' in central.yaml\n" +
        "  (umask 077; tautline keygen --derive-for site-3 --value-file site-3.key > site-3.psk)",
    )
    .action(async (options: KeygenOptions) => {
      const { deriveFor, valueFile } = options;
      if (deriveFor !== undefined && valueFile !== undefined) {
        await derive(deriveFor, options.namespace, valueFile, context);
        return;
      }
      if (deriveFor !== undefined || valueFile !== undefined) {
        const reason = "--derive-for and --value-file belong together";
        throw new TautlineError("cli.usage", { detail: { reason, command: "tautline keygen" } });
      }
      const key = randomBytes(KEY_BYTES).toString("base64url");
      await context.output.print({ key, bits: KEY_BYTES * 8 }, () => key);
    });
};

async function derive(
  nameText: string,
  namespaceText: string,
  valueFile: string,
  context: CommandContext,
): Promise<void> {
  const name = parseKeyName(nameText);
  const namespace = parseNamespace(namespaceText);
  const { readValueFile } = await import("../keys/value-file.ts");
  const { deriveSharedKey } = await import("@tautline/pki");
  const text = await readValueFile(valueFile, context);
  const pskHex = (await deriveSharedKey(text, { namespace, name })).toString("hex");
  await context.output.print({ name, namespace, pskHex }, () => pskHex);
}
