import type { Verbs } from "../noun.ts";
import { parseId } from "./parse.ts";

/** `tautline id …` */
export const idVerbs: Verbs = { parse: parseId };
