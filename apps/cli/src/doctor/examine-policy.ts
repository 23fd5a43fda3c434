import { reasonText, scopeText } from "../policy/change-text.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import { timeAndDistance } from "../time-text.ts";
import type { Finding } from "./finding.ts";

/** A sentence lists no more agents than this. */
const AGENTS_NAMED = 5;

/**
 * Names what is not as an operator wanted it: changes of policy that central took back, and agents that a policy still lets in below it
 * (DESIGN "Policy": each undo is an error).
 *
 * @param changes as central lists them, the newest first
 * @param policies as central lists them
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 */
export function examinePolicy(
  changes: readonly Row[],
  policies: readonly Row[],
  nowMs: number,
): readonly Finding[] {
  return [
    ...newestOfEach(changes).flatMap((change) => examineChange(change, nowMs)),
    ...policies.flatMap(examineExceptions),
  ];
}

/** A change is over and done with once there is a newer one of the same namespace, or of all. */
function newestOfEach(changes: readonly Row[]): readonly Row[] {
  const seen = new Set<string>();
  const ALL = "";
  return changes.filter((change) => {
    const namespace = textOf(change, "namespace");
    if (seen.has(namespace) || seen.has(ALL)) return false;
    seen.add(namespace);
    return true;
  });
}

function examineChange(change: Row, nowMs: number): readonly Finding[] {
  if (textOf(change, "step") !== "undone" || textOf(change, "undoneBy") !== "central") return [];
  const id = textOf(change, "id");
  return [
    {
      severity: "error",
      what: `A change of the policy was undone ${timeAndDistance(change["endedAt"], nowMs)}: ${reasonText(change)}`,
      where: `change ${id} of the policy of ${scopeText(change)}`,
      why: "What it was to close is still open; whoever made agents vanish may have wanted that.",
      remedy: `'tautline policy history ${id}' names the agents that did not come back. Look at each, then apply the policy again; '--allow-cut-off' names who may be left behind.`,
    },
  ];
}

function examineExceptions(policy: Row): readonly Finding[] {
  const exceptions = rowsOf(policy, "exceptions");
  if (exceptions.length === 0) return [];
  const named = exceptions
    .slice(0, AGENTS_NAMED)
    .map((each) => `${textOf(each, "agent")} at ${textOf(each, "level")}`);
  const others = exceptions.length > AGENTS_NAMED ? " and others" : "";
  const count = exceptions.length === 1 ? "1 agent" : `${exceptions.length} agents`;
  return [
    {
      severity: "error",
      what: `A policy lets in ${count} below it: ${named.join(", ")}${others}`,
      where: `policy of ${textOf(policy, "kind")} links in namespace ${textOf(policy, "namespace")}`,
      why: "They did not come along when it was changed, so what they use is kept open for them alone.",
      remedy:
        "'tautline policy show' says why each is excepted. It ends by itself once the agent has climbed: 'tautline agents move ID --level mtls'; " +
        "'tautline agents revoke ID' ends it for one that is gone.",
    },
  ];
}
