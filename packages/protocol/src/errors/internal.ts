import { defineErrors } from "./entry.ts";

/** Mistakes of ours: they should never be seen. */
export const internalErrors = defineErrors({
  "internal.unexpected": {
    sentence: "Something failed that Tautline did not foresee.",
    remedy: "Look at the log line with this code for the cause, and report it with that line.",
    status: 500,
    exit: 1,
  },
});
