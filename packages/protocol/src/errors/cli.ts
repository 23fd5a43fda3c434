import { defineErrors } from "./entry.ts";

/** The command itself. */
export const cliErrors = defineErrors({
  "cli.usage": {
    sentence: "{reason}",
    remedy: "See 'tautline {verb} --help'.",
    status: 400,
    exit: 2,
  },
});
