import { type LinkEvidence, lackOf, type TautlineError } from "@tautline/protocol";
import type { Caller } from "../control/caller.ts";
import { namespaceOfClaim } from "../fleet/claim-rule.ts";
import { isLoopback } from "../listeners/loopback-rule.ts";
import type { PolicyBook } from "./policy-book.ts";
import { policyRefusal } from "./policy-refusal.ts";
import type { PolicyPlace } from "./policy-rows.ts";

/** What of the book a link is judged by. */
export type JudgingBook = Pick<PolicyBook, "policyOf" | "exceptionOf" | "hasExceptionAt">;

/** A link, and whose it is. */
export interface JudgedLink extends PolicyPlace {
  /** Undefined until somebody without an identity has said who it is. */
  readonly agentId: string | undefined;
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
}

/**
 * Judges a link by the policy of its namespace and kind. An exception stands for its one agent at its one level; until a caller
 * without an identity has said its id, it is heard where it could be one that is excepted, and judged again then.
 *
 * @param book policies and exceptions
 * @param link what was negotiated, and by whom
 * @returns the refusal, or undefined
 */
export function judgeUnderPolicy(book: JudgingBook, link: JudgedLink): TautlineError | undefined {
  const { agentId, namespace, kind, evidence, remoteAddress } = link;
  const policy = book.policyOf(namespace, kind);
  const lack = lackOf(policy, { ...evidence, isLoopback: isLoopback(remoteAddress) });
  if (lack === undefined) return undefined;
  const isExcepted =
    agentId === undefined
      ? book.hasExceptionAt({ namespace, kind }, evidence.level)
      : book.exceptionOf(agentId, kind)?.level === evidence.level;
  return isExcepted ? undefined : policyRefusal(lack, policy, { kind, evidence });
}

/**
 * Judges a caller that was let in by what it is. Holders of tokens and of certificates that have ended get an identity and nothing
 * else, always over tls: no policy keeps anybody from that (DESIGN "Policy", rescue).
 *
 * @param book policies and exceptions
 * @param caller as the admission found it
 * @param use for what kind of link it came, and the id that a caller without an identity has said
 * @returns the refusal, or undefined
 */
export function judgeCallerUnderPolicy(
  book: JudgingBook,
  caller: Caller,
  { kind, agentId }: Pick<JudgedLink, "kind"> & { readonly agentId?: string | undefined },
): TautlineError | undefined {
  const { evidence, remoteAddress } = caller;
  const link = { kind, evidence, remoteAddress };
  switch (caller.kind) {
    case "agent": {
      const { id, namespace } = caller.agent;
      return judgeUnderPolicy(book, { ...link, agentId: id, namespace });
    }
    case "claim":
      return judgeUnderPolicy(book, { ...link, agentId, namespace: namespaceOfClaim(caller.key) });
    default:
      return undefined;
  }
}
