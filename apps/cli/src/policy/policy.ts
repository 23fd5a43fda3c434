import type { Verbs } from "../noun.ts";
import { showPolicy } from "./show.ts";

/** `tautline policy …` */
export const policyVerbs: Verbs = { show: showPolicy };
