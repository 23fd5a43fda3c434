import type { Verbs } from "../noun.ts";
import { getSetting } from "./get.ts";
import { listSettings } from "./list.ts";
import { setSetting } from "./set.ts";
import { unsetSetting } from "./unset.ts";

/** `tautline settings …` */
export const settingVerbs: Verbs = {
  list: listSettings,
  get: getSetting,
  set: setSetting,
  unset: unsetSetting,
};
