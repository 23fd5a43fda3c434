import type { Verbs } from "../noun.ts";
import { runCentralVerb } from "./run.ts";

/** `tautline central …` */
export const centralVerbs: Verbs = { run: runCentralVerb };
