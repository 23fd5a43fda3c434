import type { Verbs } from "../noun.ts";
import { listLinks } from "./list.ts";
import { showLink } from "./show.ts";

/** `tautline links …` */
export const linkVerbs: Verbs = { list: listLinks, show: showLink };
