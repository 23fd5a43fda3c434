import { checkpointHash, type ProvenCheckpoint } from "@tautline/pki";
import { parseAuditCheckpoint, type AuditCheckpoint, TautlineError } from "@tautline/protocol";

/** What a shown checkpoint means to one who remembers another. */
export type HeadVerdict =
  /** It is the one that is remembered. */
  | { readonly kind: "same" }
  /** It leads on from what is remembered, or nothing is remembered yet. */
  | { readonly kind: "newer" }
  /** Newer, but what lies between was not shown: to be asked for. */
  | { readonly kind: "gap" }
  /** It cannot come from the trail that was seen. */
  | { readonly kind: "fork"; readonly what: string };

interface Link {
  readonly checkpoint: AuditCheckpoint;
  readonly hash: string;
}

/**
 * Judges what central shows of its audit trail by what this agent remembers: only what leads on from it, checkpoint by checkpoint, is
 * the same trail. An older one, or another under the same number, is not: the trail was cut, restored or rewritten.
 *
 * @param head what is remembered
 * @param earlier texts that lead to the newest, oldest first; believed only because the newest names them by their hashes
 * @param newest what is shown, proven
 * @throws audit.checkpoint_malformed, audit.checkpoint_unproven where they do not lead to the newest
 */
export function judgeHead(
  head: ProvenCheckpoint | undefined,
  earlier: readonly string[],
  newest: ProvenCheckpoint,
): HeadVerdict {
  const links = [...earlier.map(readLink), newest];
  assertLinked(links);
  if (head === undefined) return { kind: "newer" };
  if (newest.hash === head.hash) return { kind: "same" };
  const { number, seq, central } = head.checkpoint;
  if (newest.checkpoint.central !== central) return fork("it is of another database");
  if (newest.checkpoint.number < number) {
    return fork("it is older; the trail was cut off, or an older copy was restored");
  }
  const twin = links.find((each) => each.checkpoint.number === number);
  const next = links.find((each) => each.checkpoint.number === number + 1);
  if (twin === undefined && next === undefined) return { kind: "gap" };
  const isOther =
    twin === undefined ? next?.checkpoint.previous !== head.hash : twin.hash !== head.hash;
  if (isOther)
    return fork(`checkpoint ${number} is another one; the trail was rewritten or restored`);
  return newest.checkpoint.seq < seq ? fork("the trail has become shorter") : { kind: "newer" };
}

function readLink(body: string): Link {
  return { checkpoint: parseAuditCheckpoint(body), hash: checkpointHash(body) };
}

function assertLinked(links: readonly Link[]): void {
  for (const [at, { checkpoint }] of links.entries()) {
    const before = links[at - 1];
    if (before === undefined) continue;
    if (checkpoint.previous !== before.hash || checkpoint.number !== before.checkpoint.number + 1) {
      const reason = "what comes with it does not lead to it";
      throw new TautlineError("audit.checkpoint_unproven", { detail: { reason } });
    }
  }
}

function fork(what: string): HeadVerdict {
  return { kind: "fork", what };
}
