import type { Verbs } from "../noun.ts";
import { showLinkHistory } from "./history.ts";
import { listLinks } from "./list.ts";
import { showLink } from "./show.ts";
import { listStrangers } from "./strangers.ts";

/** `tautline links …` */
export const linkVerbs: Verbs = {
  list: listLinks,
  show: showLink,
  history: showLinkHistory,
  strangers: listStrangers,
};
