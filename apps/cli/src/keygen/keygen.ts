import { randomBytes } from "node:crypto";
import type { DefineVerb } from "../noun.ts";

const KEY_BYTES = 32;

/** `tautline keygen`: 256 random bits as base64url (RFC 4648 section 5), for a passphrase variable or file. */
export const keygen: DefineVerb = (command, { output }) => {
  command
    .description(
      "Prints 256 random bits as 43 letters, digits, '-' and '_': a passphrase that nobody guesses. " +
        "Store it before you use it; it is printed once and kept nowhere.",
    )
    .addHelpText(
      "after",
      "\nExample:\n  (umask 077; tautline keygen > central.passphrase)   then 'vault: { passphraseFile: … }' in central.yaml",
    )
    .action(async () => {
      const key = randomBytes(KEY_BYTES).toString("base64url");
      await output.print({ key, bits: KEY_BYTES * 8 }, () => key);
    });
};
