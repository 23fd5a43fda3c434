import type { Verbs } from "../noun.ts";
import { listListeners } from "./list.ts";
import { setListener } from "./set.ts";

/** `tautline listeners …` */
export const listenerVerbs: Verbs = { list: listListeners, set: setListener };
