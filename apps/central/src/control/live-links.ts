import type { Logger } from "@tautline/daemon";
import { type LinkEvidence, type PeerOffer, TautlineError } from "@tautline/protocol";
import type { AgentStore } from "../fleet/agent-store.ts";
import type { LinkStore } from "../fleet/link-store.ts";
import type { HistoryRecorder } from "../history/history-recorder.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { noteKeyUse } from "../keys/note-key-use.ts";
import type { CentralMetrics } from "../metrics.ts";

/** A control link that this process holds. */
export interface LiveLink {
  /** Its own, also among later links of the same agent. */
  readonly id: string;
  readonly agentId: string;
  readonly namespace: string;
  readonly transport: "websocket" | "polling";
  readonly remoteAddress: string;
  readonly evidence: LinkEvidence;
  /** The agent's clock minus central's, as it said last over this link; milliseconds. */
  clockOffsetMs?: number | undefined;
  /** What the agent said of itself over this link: its version and the levels that it is set to use. */
  offer?: PeerOffer | undefined;
  /** Sends what central has to tell unasked; a transport that cannot waits for the agent's next message. */
  push(): Promise<void>;
  /** Ends the link, telling the agent why. Never throws. */
  end(reason: TautlineError): void;
}

/** The control links of this process; the store lists those of all. */
export interface LiveLinks {
  /** Takes a link in from its very beginning, so that it can be ended before its first message was answered. */
  open(link: LiveLink): void;
  /**
   * Lists a link, once its first message is answered (DESIGN section 6, promise 4). What the same agent opened before is ended.
   * Does nothing for a link that is listed or closed already.
   */
  list(link: LiveLink): Promise<void>;
  /** Takes a link out. Never rejects: what cannot be taken out of the database now is at the next `flush`. */
  close(link: LiveLink): Promise<void>;
  /** Notes that a message came; written to the database every few seconds, together for all links. */
  noteMessage(link: LiveLink): void;
  endAgent(agentId: string, reason: TautlineError): void;
  /** @param reasonOf makes what each of so many links is told */
  endAll(reasonOf: (links: number) => TautlineError): void;
  /** Every link of this process, listed or not yet. */
  all(): readonly LiveLink[];
  /** Tells every link of a namespace (empty: of all) to offer its agent what it should run. Never rejects. */
  pushTo(namespace: string): Promise<void>;
  /** Writes what was noted. */
  flush(): Promise<void>;
}

/** What the table of links needs. */
export interface LiveLinkDeps {
  readonly agents: AgentStore;
  readonly links: LinkStore;
  readonly history: HistoryRecorder;
  /** Told over which shared key an agent was answered. */
  readonly keys?: Pick<KeyRing, "noteUse">;
  readonly metrics: CentralMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Makes the empty table of live links.
 *
 * @param deps the stores, counters, log and clock
 */
export function createLiveLinks(deps: LiveLinkDeps): LiveLinks {
  const table = new LinkTable();
  const heard = new Map<LiveLink, number>();
  /** Rows that the database did not let go of when their links closed. */
  const leftBehind = new Set<string>();
  const close = async (link: LiveLink): Promise<void> => {
    const wasListed = table.isListed(link);
    table.remove(link);
    if (!wasListed) return;
    deps.history.closed(link, heard.get(link));
    deps.metrics.links.dec({ level: link.evidence.level });
    deps.log.info({ agent: link.agentId, link: link.id }, "a link has ended");
    await removeRow(deps, link, leftBehind);
  };
  return {
    open: (link) => table.add(link),
    list: async (link) => {
      if (!table.has(link) || table.isListed(link)) return;
      // Listed only when the row is on the disk, so that a failure is tried again with the next message.
      await deps.links.open(link);
      if (!table.has(link)) return removeRow(deps, link, leftBehind);
      table.list(link);
      deps.history.opened(link);
      deps.metrics.links.inc({ level: link.evidence.level });
      const { agentId: agent, id, remoteAddress: from, transport } = link;
      const { level: linkLevel, group } = link.evidence;
      deps.log.info({ agent, link: id, linkLevel, group, transport, from }, "an agent is linked");
      for (const earlier of table.openedBefore(link)) {
        earlier.end(new TautlineError("admission.link_replaced"));
        // Not when its connection has closed: that of a peer which vanished takes its time.
        await close(earlier);
      }
    },
    close,
    noteMessage: (link) => {
      heard.set(link, deps.now());
      if (deps.keys !== undefined) noteKeyUse(deps.keys, link);
    },
    endAgent: (agentId, reason) => {
      for (const link of table.ofAgent(agentId)) link.end(reason);
    },
    endAll: (reasonOf) => {
      const all = table.all();
      for (const link of all) link.end(reasonOf(all.length));
    },
    all: () => table.all(),
    pushTo: async (namespace) => {
      for (const link of table.all()) {
        if (!table.isListed(link) || (namespace !== "" && link.namespace !== namespace)) continue;
        await link
          .push()
          .catch((error: unknown) =>
            deps.log.error({ err: error, agent: link.agentId }, "settings were not offered"),
          );
      }
    },
    flush: () => flush(deps, heard, leftBehind),
  };
}

/** Links by agent, in the order they were opened. */
class LinkTable {
  readonly #byAgent = new Map<string, Set<LiveLink>>();
  readonly #listed = new Set<LiveLink>();

  add(link: LiveLink): void {
    const links = this.#byAgent.get(link.agentId) ?? new Set();
    this.#byAgent.set(link.agentId, links.add(link));
  }

  remove(link: LiveLink): void {
    const links = this.#byAgent.get(link.agentId);
    links?.delete(link);
    if (links?.size === 0) this.#byAgent.delete(link.agentId);
    this.#listed.delete(link);
  }

  list(link: LiveLink): void {
    this.#listed.add(link);
  }

  has(link: LiveLink): boolean {
    return this.#byAgent.get(link.agentId)?.has(link) ?? false;
  }

  isListed(link: LiveLink): boolean {
    return this.#listed.has(link);
  }

  /** Copies: whoever is ended takes itself out of the table. */
  ofAgent(agentId: string): LiveLink[] {
    return [...(this.#byAgent.get(agentId) ?? [])];
  }

  all(): LiveLink[] {
    return [...this.#byAgent.keys()].flatMap((agentId) => this.ofAgent(agentId));
  }

  /** The agent's links from before this one, and those that were listed meanwhile: one agent has one link. */
  openedBefore(link: LiveLink): LiveLink[] {
    const links = this.ofAgent(link.agentId);
    const at = links.indexOf(link);
    return links.filter((each, index) => index < at || (index > at && this.#listed.has(each)));
  }
}

async function removeRow(
  { links, log }: LiveLinkDeps,
  link: LiveLink,
  leftBehind: Set<string>,
): Promise<void> {
  try {
    await links.close([link.id]);
  } catch (error) {
    leftBehind.add(link.id);
    log.error({ err: error, agent: link.agentId }, "a closed link stays listed for now");
  }
}

async function flush(
  deps: LiveLinkDeps,
  heard: Map<LiveLink, number>,
  leftBehind: Set<string>,
): Promise<void> {
  const notes = [...heard];
  heard.clear();
  const gone = [...leftBehind];
  await deps.links.close(gone);
  for (const id of gone) leftBehind.delete(id);
  for (const [link, atMs] of notes) deps.history.seen(link, atMs);
  await deps.links.noteMessages(notes.map(([link, atMs]) => ({ id: link.id, atMs })));
  await deps.agents.noteSeen(
    notes.map(([{ agentId, evidence, clockOffsetMs }, atMs]) => ({
      id: agentId,
      atMs,
      level: evidence.level,
      group: evidence.group,
      clockOffsetMs,
    })),
  );
  await deps.history.flush();
}
