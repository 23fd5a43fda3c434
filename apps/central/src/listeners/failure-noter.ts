import type { TautlineError } from "@tautline/protocol";
import type { Refusals } from "../control/refusals.ts";
import type { Herd } from "../herd/herd.ts";

/** Told of a connection that failed before anybody could prove anything. */
export type NoteFailure = (error: TautlineError, from: string, remoteAddress: string) => void;

/**
 * Makes what notes failed connections of a port, and counts them against their source.
 *
 * @param deps the memory of refusals, and of sources
 */
export function failureNoter({
  herd,
  refusals,
}: {
  readonly herd: Pick<Herd, "sources">;
  readonly refusals: Pick<Refusals, "noteFailed">;
}): NoteFailure {
  return (error, from, remoteAddress) => {
    if (!NO_ATTEMPTS.has(error.code)) herd.sources.failed(remoteAddress);
    refusals.noteFailed(error, from, remoteAddress);
  };
}

/** Central was full, nothing was tried, or nothing was asked but a level: load balancers look every second whether a port opens. */
const NO_ATTEMPTS: ReadonlySet<string> = new Set([
  "link.too_many",
  "link.queue_full",
  "link.handshake_cut",
  "link.level_closed",
]);
