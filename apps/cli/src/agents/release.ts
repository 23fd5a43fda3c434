import type { DefineVerb } from "../noun.ts";
import { simpleVerb } from "./simple-verb.ts";

/** `tautline agents release ID`: says that an operator looked. */
export const releaseAgent: DefineVerb = simpleVerb({
  route: "release",
  summary: "end a quarantine, or the suspicion that an agent exists twice",
  description:
    "Ends an agent's quarantine, and the suspicion that it exists twice: you have looked, and it is the agent it should " +
    "be. It comes back by itself; a copy that asks again is suspected again.",
  done: (id) => `Agent ${id} is released; it comes back by itself.`,
});
