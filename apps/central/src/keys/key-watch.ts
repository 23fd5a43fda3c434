import type { Logger } from "@tautline/daemon";
import { type LinkEvidence, parseKeyIdentity, TautlineError } from "@tautline/protocol";
import type { LiveLinks } from "../control/live-links.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import { oneMoreRun } from "../revocation/one-more-run.ts";
import type { MemoryRing } from "./memory-ring.ts";

/** Follows the keys in the database, and ends what was opened by one that opens nothing any more. */
export interface KeyWatch {
  /**
   * Looks what has become of the keys, whichever process changed them; resolves when what they carried here is closed.
   *
   * @throws store.*
   */
  look(): Promise<void>;
}

/** What the watch needs. */
export interface KeyWatchDeps {
  readonly ring: MemoryRing;
  readonly live: Pick<LiveLinks, "all">;
  readonly connections: Pick<OpenConnections, "all" | "judgeAgain">;
  readonly log: Logger;
}

/**
 * Makes the watch; whoever makes it calls `look` by the clock and after each change.
 *
 * @param deps ring, links and connections of this process
 */
export function createKeyWatch(deps: KeyWatchDeps): KeyWatch {
  const { ring, connections } = deps;
  const lookOnce = async (): Promise<void> => {
    // Who is being judged by the keys of before, and is in no table yet, is judged again.
    if (await ring.refresh()) connections.judgeAgain();
    endKeyless(deps);
  };
  return { look: oneMoreRun(lookOnce) };
}

/**
 * Each time, and not only when a key has ended: a handshake that was under way then ends as a link after it. Polling goes over
 * connections that come and go; a WebSocket is told once, by the first of the two.
 */
function endKeyless({ ring, live, connections, log }: KeyWatchDeps): void {
  const opened: readonly Opened[] = [
    ...connections.all().map((each) => openedBy(each.caller.evidence, each)),
    ...live.all().map((each) => openedBy(each.evidence, each)),
  ];
  for (const { keyId, end } of opened) {
    if (keyId === null || opens(ring, keyId)) continue;
    log.info({ identity: keyId }, "closed: the key that it was opened with was taken away");
    end(new TautlineError("keys.ended", { detail: { identity: keyId } }));
  }
}

interface Opened {
  readonly keyId: string | null;
  readonly end: (reason: TautlineError) => void;
}

function openedBy(
  { keyId }: LinkEvidence,
  carrier: { readonly end: (reason: TautlineError) => void },
): Opened {
  return { keyId, end: (reason) => carrier.end(reason) };
}

function opens(ring: MemoryRing, keyId: string): boolean {
  const identity = parseKeyIdentity(keyId);
  return identity !== undefined && ring.find(identity).length > 0;
}
