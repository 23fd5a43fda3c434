import type { Verbs } from "../noun.ts";
import { createToken } from "./create.ts";
import { listTokens } from "./list.ts";
import { revokeToken } from "./revoke.ts";

/** `tautline tokens …` */
export const tokenVerbs: Verbs = { create: createToken, list: listTokens, revoke: revokeToken };
