import { VERSION } from "../version.ts";
import type { ApiDeps } from "./api-deps.ts";
import type { Verb } from "./verb.ts";
import { agentVerbs } from "./verbs/agent-verbs.ts";
import { auditVerbs } from "./verbs/audit-verbs.ts";
import { certificateVerbs } from "./verbs/certificate-verbs.ts";
import { changeVerbs } from "./verbs/change-verbs.ts";
import { descriptionVerbs } from "./verbs/description-verbs.ts";
import { forwardVerbs } from "./verbs/forward-verbs.ts";
import { lifeVerbs } from "./verbs/life-verbs.ts";
import { historyVerbs } from "./verbs/history-verbs.ts";
import { keyVerbs } from "./verbs/key-verbs.ts";
import { linkVerbs } from "./verbs/link-verbs.ts";
import { listenerVerbs } from "./verbs/listener-verbs.ts";
import { moveVerbs } from "./verbs/move-verbs.ts";
import { namespaceVerbs } from "./verbs/namespace-verbs.ts";
import { backendVerbs } from "./verbs/backend-verbs.ts";
import { claimVerbs } from "./verbs/claim-verbs.ts";
import { clientVerbs } from "./verbs/client-verbs.ts";
import { receiverVerbs } from "./verbs/receiver-verbs.ts";
import { policyVerbs } from "./verbs/policy-verbs.ts";
import { reopeningVerbs } from "./verbs/reopening-verbs.ts";
import { revocationVerbs } from "./verbs/revocation-verbs.ts";
import { programVerbs } from "./verbs/program-verbs.ts";
import { operatorVerbs } from "./verbs/operator-verbs.ts";
import { planVerbs } from "./verbs/plan-verbs.ts";
import { serviceVerbs } from "./verbs/service-verbs.ts";
import { settingVerbs } from "./verbs/setting-verbs.ts";
import { statusVerbs } from "./verbs/status-verbs.ts";
import { tokenVerbs } from "./verbs/token-verbs.ts";

/**
 * Every verb of the API: the one table from which it is mounted, listed, described and judged.
 *
 * @param deps central's parts; not used before a verb runs
 */
export function listVerbs(deps: ApiDeps): readonly Verb[] {
  const verbs: Verb[] = [];
  verbs.push(
    ...statusVerbs(deps),
    ...descriptionVerbs(() => verbs, VERSION),
    ...tokenVerbs(deps),
    ...agentVerbs(deps),
    ...lifeVerbs(deps),
    ...moveVerbs(deps),
    ...historyVerbs(deps),
    ...linkVerbs(deps),
    ...keyVerbs(deps),
    ...forwardVerbs(deps),
    ...serviceVerbs(deps),
    ...backendVerbs(deps),
    ...clientVerbs(deps),
    ...claimVerbs(deps),
    ...receiverVerbs(deps),
    ...listenerVerbs(deps),
    ...planVerbs(deps),
    ...changeVerbs(deps),
    ...policyVerbs(deps),
    ...reopeningVerbs(deps),
    ...namespaceVerbs(deps),
    ...settingVerbs(deps),
    ...certificateVerbs(deps),
    ...programVerbs(deps),
    ...revocationVerbs(deps),
    ...auditVerbs(deps),
    ...operatorVerbs(deps),
  );
  return verbs;
}
