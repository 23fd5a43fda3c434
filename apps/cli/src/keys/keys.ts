import type { Verbs } from "../noun.ts";
import { createKey } from "./create.ts";
import { deleteKey } from "./delete.ts";
import { listKeys } from "./list.ts";
import { rotateKey } from "./rotate.ts";
import { showKey } from "./show.ts";

/** `tautline keys …` */
export const keyVerbs: Verbs = {
  create: createKey,
  list: listKeys,
  show: showKey,
  rotate: rotateKey,
  delete: deleteKey,
};
