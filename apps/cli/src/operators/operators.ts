import type { Verbs } from "../noun.ts";
import { createOperator } from "./create.ts";
import { disableOperator } from "./disable.ts";
import { listOperators } from "./list.ts";

/** `tautline operators …` */
export const operatorVerbs: Verbs = {
  create: createOperator,
  list: listOperators,
  disable: disableOperator,
};
