/* Equipment: books of policies that need no database. No tests of its own. */
import { type LinkPolicy, OPEN_POLICY } from "@tautline/protocol";
import type { JudgingBook } from "./policy-judge.ts";
import type { PolicyException } from "./policy-rows.ts";

/** A book in which one policy holds in one namespace for every kind, and nothing is asked of any other. */
export function bookOf(
  policy: LinkPolicy = OPEN_POLICY,
  exceptions: readonly PolicyException[] = [],
  namespace = "default",
): JudgingBook {
  return {
    policyOf: (name) => (name === namespace ? policy : OPEN_POLICY),
    exceptionOf: (agentId, kind) =>
      exceptions.find((each) => each.agentId === agentId && each.kind === kind),
    hasExceptionAt: (place, level) =>
      exceptions.some(
        (each) =>
          each.namespace === place.namespace && each.kind === place.kind && each.level === level,
      ),
  };
}

/** An exception of an agent from the control link at `basic`. */
export function anException(changes: Partial<PolicyException> = {}): PolicyException {
  return {
    agentId: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    namespace: "default",
    kind: "control",
    level: "basic",
    reason: "it did not come back",
    changeId: null,
    sinceMs: 0,
    ...changes,
  };
}
