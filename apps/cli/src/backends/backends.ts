import type { Verbs } from "../noun.ts";
import { addBackend } from "./add.ts";
import { listBackends } from "./list.ts";
import { removeBackend } from "./remove.ts";
import { showBackend } from "./show.ts";

/** `tautline backends …` */
export const backendVerbs: Verbs = {
  add: addBackend,
  list: listBackends,
  show: showBackend,
  remove: removeBackend,
};
