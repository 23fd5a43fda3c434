import { toTautlineError, type TautlineError } from "@tautline/protocol";
import { SwarmLink } from "./swarm-link.ts";

/**
 * Opens a link that is to take over from another of the same agent: the old one serves until central has answered the new one.
 *
 * @param old says nothing meanwhile, and is over once the new one has taken over
 * @param open opens the new one
 * @returns the new one; else why it came to nothing, or undefined where this end gave it up
 */
export async function openSuccessor(
  old: SwarmLink,
  open: () => Promise<SwarmLink>,
): Promise<SwarmLink | TautlineError | undefined> {
  try {
    const link = await open();
    const proven = await Promise.race([link.answered, link.ended.then((end) => end.error)]);
    if (proven !== true) return proven;
    old.retire();
    return link;
  } catch (error) {
    return toTautlineError(error);
  }
}

/**
 * The same by the first of several ways that works.
 *
 * @param old as for `openSuccessor`
 * @param ways each opens the new one, in the order to try
 * @param signal ends the trying
 * @returns as `openSuccessor`; of several failures the last
 */
export async function openFirst(
  old: SwarmLink,
  ways: readonly (() => Promise<SwarmLink>)[],
  signal: AbortSignal,
): Promise<SwarmLink | TautlineError | undefined> {
  let last: TautlineError | undefined;
  for (const open of ways) {
    if (signal.aborted) return undefined;
    const opened = await openSuccessor(old, open);
    if (opened instanceof SwarmLink) return opened;
    last = opened ?? last;
  }
  return last;
}
