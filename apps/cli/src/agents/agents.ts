import type { Verbs } from "../noun.ts";
import { listAgents } from "./list.ts";
import { revokeAgent } from "./revoke.ts";
import { showAgent } from "./show.ts";

/** `tautline agents …` */
export const agentsVerbs: Verbs = { list: listAgents, show: showAgent, revoke: revokeAgent };
