import type { DefineVerb } from "../noun.ts";
import { simpleVerb } from "./simple-verb.ts";

/** `tautline agents decline ID`: an `approve` takes it back. */
export const declineAgent: DefineVerb = simpleVerb({
  route: "decline",
  summary: "decline a waiting agent",
  description:
    "Declines what an agent waits for: its host is told so and stops asking. 'tautline agents approve ID' takes it back.",
  done: (id) => `Agent ${id} is declined; its host is told so when it asks next.`,
});
