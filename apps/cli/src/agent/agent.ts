import type { Verbs } from "../noun.ts";
import { joinAgentVerb } from "./join.ts";
import { leaveAgentVerb } from "./leave.ts";
import { lowerFloorVerb } from "./lower-floor.ts";
import { runAgentVerb } from "./run.ts";
import { showAgentStatus } from "./status.ts";

/** `tautline agent …` */
export const agentVerbs: Verbs = {
  join: joinAgentVerb,
  run: runAgentVerb,
  status: showAgentStatus,
  "lower-floor": lowerFloorVerb,
  leave: leaveAgentVerb,
};
