import {
  type LinkEvidence,
  type LinkPolicy,
  type PolicyLack,
  settingOfAgent,
  TautlineError,
} from "@tautline/protocol";
import type { PolicyKind } from "./policy-kind.ts";

/** What a refused link was. */
export interface RefusedLink {
  readonly kind: PolicyKind;
  readonly evidence: Pick<LinkEvidence, "level" | "group">;
}

/**
 * Says what a link lacks and what to do at either end. Anybody may be told: it names levels and settings, and no namespace or agent.
 *
 * @param lack the first thing that it lacks
 * @param policy that holds
 * @param link what it negotiated
 */
export function policyRefusal(
  lack: PolicyLack,
  policy: LinkPolicy,
  { kind, evidence: { level, group } }: RefusedLink,
): TautlineError {
  if (lack === "level") {
    const { accept } = policy;
    const setting = settingOfAgent(accept);
    const detail = { kind, level, accepted: accept.join(", ") || "none", setting };
    return new TautlineError("policy.level_refused", { detail });
  }
  const detail = { kind, level, group: group ?? "none" };
  const code = lack === "client-proof" ? "policy.client_unproven" : "policy.not_post_quantum";
  return new TautlineError(code, { detail });
}
