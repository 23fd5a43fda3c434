import { defineErrors } from "./entry.ts";

/** Links: dialling, securing, and why one is refused. */
export const linkErrors = defineErrors({
  "link.unreachable": {
    sentence: "No answer from {address}: {reason}.",
    remedy:
      "Check that central runs there and that no firewall stands between: 'tautline doctor --to {address}'.",
    status: 503,
    exit: 3,
  },
});
