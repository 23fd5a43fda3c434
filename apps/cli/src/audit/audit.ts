import type { Verbs } from "../noun.ts";
import { acknowledgeForks } from "./acknowledge.ts";
import { exportAudit } from "./export.ts";
import { listForks } from "./forks.ts";
import { showAuditHead } from "./head.ts";
import { listAudit } from "./list.ts";
import { verifyAudit } from "./verify.ts";

/** `tautline audit …` */
export const auditVerbs: Verbs = {
  list: listAudit,
  verify: verifyAudit,
  export: exportAudit,
  head: showAuditHead,
  forks: listForks,
  acknowledge: acknowledgeForks,
};
