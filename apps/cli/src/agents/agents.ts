import type { Verbs } from "../noun.ts";
import { approveAgent } from "./approve.ts";
import { declineAgent } from "./decline.ts";
import { deleteAgent } from "./delete.ts";
import { listAgents } from "./list.ts";
import { moveAgent } from "./move.ts";
import { promoteAgent } from "./promote.ts";
import { quarantineAgent } from "./quarantine.ts";
import { releaseAgent } from "./release.ts";
import { replaceAgent } from "./replace.ts";
import { revokeAgent } from "./revoke.ts";
import { showAgent } from "./show.ts";

/** `tautline agents …` */
export const agentsVerbs: Verbs = {
  list: listAgents,
  show: showAgent,
  approve: approveAgent,
  decline: declineAgent,
  quarantine: quarantineAgent,
  release: releaseAgent,
  replace: replaceAgent,
  promote: promoteAgent,
  move: moveAgent,
  revoke: revokeAgent,
  delete: deleteAgent,
};
