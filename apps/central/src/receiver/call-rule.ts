import {
  acceptsLevel,
  lackOf,
  type Level,
  type LinkPolicy,
  TautlineError,
} from "@tautline/protocol";
import { isLoopback } from "../listeners/loopback-rule.ts";
import { policyRefusal } from "../policy/policy-refusal.ts";
import type { Demands } from "./backend.ts";
import { namespaceOfCall, type ReceiverLink, type ShownToken } from "./caller.ts";

/** What a call is judged by. */
export interface JudgedCall {
  readonly link: Pick<ReceiverLink, "evidence" | "identity" | "remoteAddress" | "door">;
  readonly token: ShownToken;
  /** Of the route that the call takes. */
  readonly demands: Demands;
  /** Accepted at the door that it came by. */
  readonly accepted: readonly Level[];
  /** What is asked of receiver links in a namespace. */
  readonly policyOf: (namespace: string) => LinkPolicy;
}

/** Why a call is refused. */
export interface CallRefusal {
  readonly error: TautlineError;
  /** Its token was read by whoever listened: it has to end. */
  readonly isExposed: boolean;
}

/**
 * Judges a call by how its link is secured, by who makes it, and by what its route asks for: the whole rule of the receiver. Pure.
 *
 * A token that came in plaintext, where plaintext is not accepted for it, is told to be exposed before anything else is said.
 *
 * @param call what is known of it
 * @returns the refusal, or undefined
 */
export function judgeCall(call: JudgedCall): CallRefusal | undefined {
  const level = judgeLevels(call);
  if (level !== undefined) {
    const isExposed = call.link.evidence.level === "plaintext" && call.token.kind === "proven";
    const error = isExposed ? new TautlineError("receiver.token_exposed") : level;
    return { error, isExposed };
  }
  const error = judgeWho(call);
  return error && { error, isExposed: false };
}

function judgeLevels(call: JudgedCall): TautlineError | undefined {
  const { link, demands, accepted } = call;
  const { level } = link.evidence;
  if (!acceptsLevel(accepted, level)) {
    const detail = { level, accepted: accepted.join(", ") || "nothing" };
    return new TautlineError("receiver.port_level", { detail });
  }
  if (!acceptsLevel(demands.levels, level)) {
    const detail = { backend: demands.name, level, accepted: demands.levels.join(", ") };
    return new TautlineError("receiver.route_level", { detail });
  }
  return judgePolicy(call);
}

/** Callers without a namespace are judged by that of the backend, else by the first one there is. */
function judgePolicy({ link, token, demands, policyOf }: JudgedCall): TautlineError | undefined {
  // An agent's own exceptions count; its link was judged by them when it came.
  if (link.identity.kind === "agent" && token.kind !== "proven") return undefined;
  const namespace = namespaceOfCall(link.identity, token) ?? demands.namespace ?? "default";
  const policy = policyOf(namespace);
  const { evidence, remoteAddress } = link;
  const clientProven = evidence.clientProven || token.kind === "proven";
  const facts = { ...evidence, clientProven, isLoopback: isLoopback(remoteAddress) };
  const lack = lackOf(policy, facts);
  if (lack === undefined) return undefined;
  if (lack !== "level") return policyRefusal(lack, policy, { kind: "receiver", evidence });
  const detail = { level: evidence.level, accepted: policy.accept.join(", ") || "none" };
  return new TautlineError("receiver.policy_level", { detail });
}

function judgeWho({ link, token, demands }: JudgedCall): TautlineError | undefined {
  const { name: backend, namespace, requireToken, anonymous } = demands;
  if (token.kind === "refused") return token.error;
  if (requireToken && token.kind !== "proven") {
    return new TautlineError("receiver.token_needed", { detail: { backend } });
  }
  if (!anonymous && link.identity.kind === "nobody" && token.kind !== "proven") {
    return new TautlineError("receiver.caller_unproven", { detail: { backend } });
  }
  if (namespace !== null && namespaceOfCall(link.identity, token) !== namespace) {
    return new TautlineError("receiver.namespace_refused", { detail: { backend } });
  }
  return undefined;
}
