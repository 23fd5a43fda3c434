import { defineErrors } from "./entry.ts";

/** Sealed data and the sources of its key. */
export const vaultErrors = defineErrors({
  "vault.open_failed": {
    sentence: "The vault cannot be opened: {source}: {reason}.",
    remedy:
      "Give the passphrase or key file that sealed it; nothing was changed. Without it the sealed data stays closed.",
    status: 503,
    exit: 4,
  },
});
