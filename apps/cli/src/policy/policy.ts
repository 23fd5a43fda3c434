import type { Verbs } from "../noun.ts";
import { planPolicy } from "./plan.ts";
import { showPolicy } from "./show.ts";

/** `tautline policy …` */
export const policyVerbs: Verbs = { show: showPolicy, plan: planPolicy };
