import type { Verbs } from "../noun.ts";
import { listAudit } from "./list.ts";
import { verifyAudit } from "./verify.ts";

/** `tautline audit …` */
export const auditVerbs: Verbs = { list: listAudit, verify: verifyAudit };
