import type { Logger } from "@tautline/daemon";
import type { TautlineError } from "@tautline/protocol";
import type { LiveLink, LiveLinks } from "../control/live-links.ts";
import type { OpenConnection, OpenConnections } from "../control/open-connections.ts";
import { judgeTokenStandings, type TokenStanding } from "../enrolment/token-standing.ts";
import { endedClaims } from "../fleet/claim-store.ts";
import { judgeStandings, type Standing } from "../fleet/standing.ts";
import type { Store } from "../store/store.ts";
import { readCounter } from "../store/counter.ts";
import { oneMoreRun } from "./one-more-run.ts";

/** Shows out those whose right to be here has ended, whichever process on this database ended it. */
export interface RevocationWatch {
  /**
   * Looks whether anything has ended since the last time and closes what it carried here; resolves when that is done. Cheap where
   * nothing has.
   *
   * @throws store.*
   */
  look(): Promise<void>;
}

/** What the watch needs. */
export interface RevocationWatchDeps {
  readonly store: Store;
  readonly live: Pick<LiveLinks, "all">;
  readonly connections: OpenConnections;
  readonly log: Logger;
  /** Told after something has ended and what it carried was closed. Never throws. */
  readonly onEnded: () => void;
}

/** How often central looks: of the 5 s in which a revoked agent's links must be closed, a link's own farewell takes up to 2 s. */
export const LOOK_EVERY_MS = 1_000;

/**
 * Makes the watch; whoever makes it calls `look` by the clock and after each verb that ends something.
 *
 * @param deps database, links and connections of this process
 */
export function createRevocationWatch(deps: RevocationWatchDeps): RevocationWatch {
  let seen: number | undefined;
  const lookOnce = async (): Promise<void> => {
    const endings = await readCounter(deps.store, "endings");
    if (endings === seen) return;
    // First: who is being judged by older records now, and is in no table yet, is judged again.
    deps.connections.judgeAgain();
    await closeEnded(deps);
    // Only now: what failed is looked at again at the next turn.
    seen = endings;
    deps.onEnded();
  };
  return { look: oneMoreRun(lookOnce) };
}

async function closeEnded({ store, live, connections, log }: RevocationWatchDeps): Promise<void> {
  const open = connections.all();
  const byCertificate = [
    ...open.flatMap((connection) => certificateOf(connection)),
    // Polling goes over connections that come and go; a WebSocket is told once, by the first of the two.
    ...live
      .all()
      .filter(({ isClaim }) => isClaim !== true)
      .map((link) => certificateOfLink(link)),
  ];
  const claims = [
    ...open.flatMap((connection) => claimOf(connection)),
    ...live.all().filter(({ isClaim }) => isClaim === true),
  ];
  const byToken = open.flatMap((connection) => tokenOf(connection));
  const refused = [
    ...(await judgeStandings(store, byCertificate)),
    ...(await judgeTokenStandings(store, byToken)),
    ...(await judgeClaims(store, claims)),
  ];
  for (const [{ agentId, end }, reason] of refused) {
    log.info({ agent: agentId, code: reason.code }, "closed: the right to be here has ended");
    end(reason);
  }
}

interface Ending {
  readonly end: (reason: TautlineError) => void;
}

function certificateOf(connection: OpenConnection): (Standing & Ending)[] {
  const { caller } = connection;
  const end = (reason: TautlineError): void => connection.end(reason);
  if (caller.kind === "token" || caller.kind === "claim") return [];
  if (caller.kind === "lapsed") return [{ agentId: caller.agentId, serial: caller.serial, end }];
  return [{ agentId: caller.agent.id, serial: caller.evidence.peerSerial ?? "", end }];
}

function certificateOfLink(link: LiveLink): Standing & Ending {
  const { agentId, evidence } = link;
  return { agentId, serial: evidence.peerSerial ?? "", end: (reason) => link.end(reason) };
}

function tokenOf(connection: OpenConnection): (TokenStanding & Ending)[] {
  const { caller } = connection;
  if (caller.kind !== "token") return [];
  const end = (reason: TautlineError): void => connection.end(reason);
  return [{ tokenId: caller.token.id, agentId: connection.agentId(), end }];
}

interface ClaimStanding extends Ending {
  readonly agentId: string;
}

function claimOf(connection: OpenConnection): ClaimStanding[] {
  const agentId = connection.agentId();
  if (connection.caller.kind !== "claim" || agentId === undefined) return [];
  return [{ agentId, end: (reason) => connection.end(reason) }];
}

async function judgeClaims(
  store: Store,
  claims: readonly ClaimStanding[],
): Promise<[ClaimStanding, TautlineError][]> {
  const ended = await endedClaims(
    store,
    claims.map(({ agentId }) => agentId),
  );
  return claims.flatMap((claim) => {
    const reason = ended.get(claim.agentId);
    return reason === undefined ? [] : [[claim, reason] as [ClaimStanding, TautlineError]];
  });
}
