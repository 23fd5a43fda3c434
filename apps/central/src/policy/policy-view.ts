import { acceptsLevel, type Level, type LinkPolicy } from "@tautline/protocol";
import type { PolicyBook } from "./policy-book.ts";
import type { PolicyKind } from "./policy-kind.ts";
import type { PolicyException, PolicyPlace } from "./policy-rows.ts";

/** An exception as people see it. */
export interface ExceptionView {
  readonly agent: string;
  readonly kind: PolicyKind;
  readonly level: Level;
  readonly reason: string;
  /** The change that it was made by. */
  readonly change: string | null;
  /** RFC 3339. */
  readonly since: string;
}

/** What is asked of the links of a namespace and kind, as people see it. */
export interface PolicyView extends PolicyPlace, LinkPolicy {
  /** Of the accepted levels, those that a listener hears at this moment. */
  readonly heard: readonly Level[];
  /** RFC 3339; null where nobody has set a policy. */
  readonly changedAt: string | null;
  readonly changedBy: string | null;
  readonly exceptions: readonly ExceptionView[];
}

/**
 * Lists what is asked of links: one row for each namespace and kind, those without a policy included.
 *
 * @param book policies and exceptions
 * @param listened the levels that are accepted on any of central's ports
 */
export function policyViews(
  book: Pick<PolicyBook, "places" | "policies" | "policyOf" | "exceptions">,
  listened: readonly Level[],
): readonly PolicyView[] {
  const exceptions = Map.groupBy(book.exceptions(), keyOf);
  const set = new Map(book.policies().map((each) => [keyOf(each), each]));
  return book.places().map((place) => {
    const { namespace, kind } = place;
    const { accept, clientProof, postQuantum, loopback } = book.policyOf(namespace, kind);
    const known = set.get(keyOf(place));
    return {
      namespace,
      kind,
      accept,
      clientProof,
      postQuantum,
      loopback,
      heard: listened.filter((level) => acceptsLevel(accept, level)),
      changedAt: known === undefined ? null : new Date(known.changedMs).toISOString(),
      changedBy: known?.changedBy ?? null,
      exceptions: (exceptions.get(keyOf(place)) ?? []).map(viewOf),
    };
  });
}

function viewOf({
  agentId,
  kind,
  level,
  reason,
  changeId,
  sinceMs,
}: PolicyException): ExceptionView {
  const since = new Date(sinceMs).toISOString();
  return { agent: agentId, kind, level, reason, change: changeId, since };
}

function keyOf({ namespace, kind }: PolicyPlace): string {
  return `${namespace}/${kind}`;
}
