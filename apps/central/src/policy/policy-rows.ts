import { isLevel, LEVELS, type Level, type LinkPolicy } from "@tautline/protocol";
import type { LinkPolicyTable, PolicyExceptionTable } from "../store/policy-tables.ts";
import { isPolicyKind, type PolicyKind } from "./policy-kind.ts";

/** Where a policy stands. */
export interface PolicyPlace {
  readonly namespace: string;
  readonly kind: PolicyKind;
}

/** A policy that somebody set. */
export interface SetPolicy extends PolicyPlace {
  readonly policy: LinkPolicy;
  /** Milliseconds since 1970. */
  readonly changedMs: number;
  /** As in the trail, such as `operator:ana`. */
  readonly changedBy: string;
}

/** One agent that may use one level although the policy says no (DESIGN "Policy": undo is per agent). */
export interface PolicyException extends PolicyPlace {
  readonly agentId: string;
  readonly level: Level;
  /** A code or words. */
  readonly reason: string;
  /** The change that it was made by; null for none. */
  readonly changeId: string | null;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

/**
 * Says of a row what policy it holds. What this version does not know is taken for the stricter of what it does.
 *
 * @param row as it is stored
 * @returns undefined for a kind that this version knows nothing of
 */
export function policyOfRow(row: LinkPolicyTable): SetPolicy | undefined {
  const { namespace, kind, changed_at: changedMs, changed_by: changedBy } = row;
  if (!isPolicyKind(kind)) return undefined;
  const named = new Set(row.accept.split(","));
  const policy: LinkPolicy = {
    accept: LEVELS.filter((level) => named.has(level)),
    clientProof: row.client_proof === "none" ? "none" : "require",
    postQuantum: row.post_quantum === "prefer" ? "prefer" : "require",
    loopback: row.loopback === "keep" ? "keep" : "off",
  };
  return { namespace, kind, policy, changedMs, changedBy };
}

/**
 * Writes a policy as a row.
 *
 * @param set the policy, its place, and who set it when
 */
export function rowOfPolicy({
  namespace,
  kind,
  policy: { accept, clientProof, postQuantum, loopback },
  changedMs,
  changedBy,
}: SetPolicy): LinkPolicyTable {
  return {
    namespace,
    kind,
    accept: LEVELS.filter((level) => accept.includes(level)).join(","),
    client_proof: clientProof,
    post_quantum: postQuantum,
    loopback,
    changed_at: changedMs,
    changed_by: changedBy,
  };
}

/**
 * Says of a row who is excepted.
 *
 * @param row as it is stored
 * @returns undefined for what this version knows nothing of: it excepts nobody
 */
export function exceptionOfRow(row: PolicyExceptionTable): PolicyException | undefined {
  const { namespace, kind, level, reason } = row;
  if (!isPolicyKind(kind) || !isLevel(level)) return undefined;
  const { agent_id: agentId, change_id: changeId, since: sinceMs } = row;
  return { agentId, namespace, kind, level, reason, changeId, sinceMs };
}

/**
 * A policy as facts of an audit entry.
 *
 * @param policy any
 */
export function describePolicy(policy: LinkPolicy): Readonly<Record<string, string>> {
  const { accept, clientProof, postQuantum, loopback } = policy;
  return { accept: accept.join(","), clientProof, postQuantum, loopback };
}
