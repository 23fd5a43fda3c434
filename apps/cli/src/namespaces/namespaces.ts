import type { Verbs } from "../noun.ts";
import { createNamespace } from "./create.ts";
import { listNamespaces } from "./list.ts";
import { showNamespace } from "./show.ts";

/** `tautline namespaces …` */
export const namespaceVerbs: Verbs = {
  create: createNamespace,
  list: listNamespaces,
  show: showNamespace,
};
