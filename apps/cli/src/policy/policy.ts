import type { Verbs } from "../noun.ts";
import { applyPolicy } from "./apply.ts";
import { showPolicyHistory } from "./history.ts";
import { planPolicy } from "./plan.ts";
import { showPolicy } from "./show.ts";
import { undoPolicy } from "./undo.ts";

/** `tautline policy …` */
export const policyVerbs: Verbs = {
  show: showPolicy,
  plan: planPolicy,
  apply: applyPolicy,
  undo: undoPolicy,
  history: showPolicyHistory,
};
