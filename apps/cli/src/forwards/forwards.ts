import type { Verbs } from "../noun.ts";
import { allowForward } from "./allow.ts";
import { denyForward } from "./deny.ts";
import { listForwards } from "./list.ts";
import { openService } from "./open.ts";
import { showForward } from "./show.ts";

/** `tautline forwards …` */
export const forwardVerbs: Verbs = {
  allow: allowForward,
  deny: denyForward,
  list: listForwards,
  show: showForward,
  open: openService,
};
