import type { Verbs } from "../noun.ts";
import { planPolicy } from "./plan.ts";

/** `tautline policy …` */
export const policyVerbs: Verbs = {
  plan: planPolicy,
};
