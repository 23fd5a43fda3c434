import type { Verbs } from "../noun.ts";
import { checkConfig } from "./check.ts";
import { printExample } from "./example.ts";
import { importConfig } from "./import.ts";

/** `tautline config …` */
export const configVerbs: Verbs = {
  check: checkConfig,
  example: printExample,
  import: importConfig,
};
