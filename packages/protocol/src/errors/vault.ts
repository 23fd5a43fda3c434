import { defineErrors } from "./entry.ts";

/** Sealed data, the sources of its key, and the files that hold both. */
export const vaultErrors = defineErrors({
  "vault.open_failed": {
    sentence: "The vault cannot be opened: {source}: {reason}.",
    remedy:
      "Give the passphrase or key file that sealed it; nothing was changed. Without it the sealed data stays closed.",
    status: 503,
    exit: 4,
  },
  "vault.source_unused": {
    sentence: "{source} is present, but this vault was sealed by: {sealedBy}.",
    remedy:
      "Nothing was changed. Remove that source, or give the one that sealed the vault; a source that is present is never passed over.",
    status: 503,
    exit: 4,
  },
  "vault.source_absent": {
    sentence: "The vault was sealed by: {sealedBy}. None of the key sources is present: {looked}.",
    remedy:
      "Nothing was changed. Set the variable, or put the passphrase file or the key file back where it was.",
    status: 503,
    exit: 4,
  },
  "vault.source_malformed": {
    sentence: "{source} is present but cannot be used: {reason}.",
    remedy:
      "Nothing was changed. Correct it or take it away; a source that is present is never passed over.",
    status: 503,
    exit: 4,
  },
  "vault.missing": {
    sentence: "There is no vault header here, but there should be one.",
    remedy:
      "Nothing was changed. Check that this is the right data folder, and restore the header from the same backup as the data.",
    status: 503,
    exit: 4,
  },
  "vault.header_malformed": {
    sentence: "The vault header cannot be read: {reason}.",
    remedy:
      "Nothing was changed. Restore the header from the same backup as the data it belongs to.",
    status: 503,
    exit: 4,
  },
  "vault.no_source": {
    sentence: "A new vault needs a key source, and none is present: {looked}.",
    remedy: "Set the passphrase variable, give a passphrase file, or allow a generated key file.",
    status: 503,
    exit: 4,
  },
  "vault.closed": {
    sentence: "The vault is closed; its key is no longer in memory.",
    remedy:
      "This happens only while the program stops. If it did not stop, restart it and report the log line.",
    status: 503,
    exit: 4,
  },
  "vault.field_damaged": {
    sentence: "The sealed value {place} cannot be opened: {reason}.",
    remedy:
      "It was damaged, moved from another place, or sealed by another vault. Restore data and vault header from one and the same backup.",
    status: 500,
    exit: 1,
  },
  "vault.text_malformed": {
    sentence:
      "The text for {place} holds half a character (a lone surrogate) and would not come back the same.",
    remedy: "Correct the text where it was typed in.",
    status: 400,
    exit: 1,
  },
  "vault.file_unsafe": {
    sentence: "{file} is refused: {reason}.",
    remedy:
      "Only the program's own user may reach it: make it a plain file with 'chmod 600' (a folder: 'chmod 700') owned by that user, and not a symbolic link.",
    status: 503,
    exit: 4,
  },
  "vault.file_failed": {
    sentence: "{file} could not be {verb}: {reason}.",
    remedy:
      "Check free space, quota and rights on that disk. The file is whole: its old content or, if only the last step failed, the new.",
    status: 503,
    exit: 1,
  },
});
