import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { ForwardAllowance } from "./allowance.ts";
import type { ForwardBook } from "./forward-book.ts";
import { requireOpener } from "./service-rule.ts";
import type { LiveStream } from "./stream-table.ts";

/**
 * Refuses a stream beyond the limit of its forward.
 *
 * @param count streams that its agent has through it already
 * @param allowance that it goes by
 * @throws forward.too_many
 */
export function requireRoom(
  count: number,
  { name, maxStreams }: Pick<ForwardAllowance, "name" | "maxStreams">,
): void {
  if (count < maxStreams) return;
  const detail = { what: `streams through '${name}'`, limit: maxStreams };
  throw new TautlineError("forward.too_many", { detail });
}

/**
 * Judges a running stream by what is allowed now.
 *
 * @param book of allowances
 * @param stream that runs; `wanted` is the target, as it was allowed when it began
 * @returns why it has to end, or undefined
 */
export function judgeRunning(
  { forwardFor, serviceFor }: Pick<ForwardBook, "forwardFor" | "serviceFor">,
  { agentId: id, namespace, forward, wanted, operator }: LiveStream,
): TautlineError | undefined {
  try {
    if (operator !== null) {
      requireOpener(operator, serviceFor({ id, namespace }, forward));
      return undefined;
    }
    const { target } = forwardFor({ id, namespace }, forward);
    if (wanted === null || target === wanted) return undefined;
    return new TautlineError("forward.not_allowed", { detail: { name: forward, id } });
  } catch (error) {
    if (isTautlineError(error)) return error;
    throw error;
  }
}
