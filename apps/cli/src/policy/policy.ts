import type { Verbs } from "../noun.ts";
import { applyPolicy } from "./apply.ts";
import { endReopening } from "./end-reopening.ts";
import { showPolicyHistory } from "./history.ts";
import { planPolicy } from "./plan.ts";
import { reopenPlaintext } from "./reopen.ts";
import { showReopenings } from "./reopenings.ts";
import { showPolicy } from "./show.ts";
import { undoPolicy } from "./undo.ts";

/** `tautline policy …` */
export const policyVerbs: Verbs = {
  show: showPolicy,
  plan: planPolicy,
  apply: applyPolicy,
  undo: undoPolicy,
  history: showPolicyHistory,
  reopen: reopenPlaintext,
  reopenings: showReopenings,
  "end-reopening": endReopening,
};
