import { defineErrors } from "./entry.ts";

/** The agent as a running program. */
export const agentErrors = defineErrors({
  "agent.not_joined": {
    sentence: "This host has not joined a central (no identity in {dataDir}).",
    remedy:
      "Create a token at central with 'tautline tokens create' and run 'tautline agent join TOKEN'.",
    status: 409,
    exit: 1,
  },
});
