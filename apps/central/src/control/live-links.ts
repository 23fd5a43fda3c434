import type { Logger } from "@tautline/daemon";
import { type LinkEvidence, TautlineError } from "@tautline/protocol";
import type { AgentStore } from "../fleet/agent-store.ts";
import type { LinkStore } from "../fleet/link-store.ts";
import type { CentralMetrics } from "../metrics.ts";

/** A control link that this process holds. */
export interface LiveLink {
  readonly id: string;
  readonly agentId: string;
  readonly namespace: string;
  readonly transport: "websocket" | "polling";
  readonly remoteAddress: string;
  readonly evidence: LinkEvidence;
  /** Sends what central has to tell unasked; a transport that cannot waits for the agent's next message. */
  push(): Promise<void>;
  /** Ends the link, telling the agent why. */
  end(reason: TautlineError): void;
}

/** The control links of this process; the store lists those of all. */
export interface LiveLinks {
  /** Lists a link from its first answered message on; an earlier link of the same agent is ended. */
  add(link: LiveLink): Promise<void>;
  remove(id: string): Promise<void>;
  /** Notes that a message came; written to the database every few seconds, together for all links. */
  noteMessage(link: LiveLink): void;
  endAgent(agentId: string, reason: TautlineError): void;
  endAll(reason: TautlineError): void;
  /** Tells every link of a namespace (empty: of all) to offer its agent what it should run. */
  pushTo(namespace: string): Promise<void>;
  flush(): Promise<void>;
}

export interface LiveLinkDeps {
  readonly agents: AgentStore;
  readonly links: LinkStore;
  readonly metrics: CentralMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

/** Makes the empty table of live links. */
export function createLiveLinks(deps: LiveLinkDeps): LiveLinks {
  const byId = new Map<string, LiveLink>();
  const byAgent = new Map<string, LiveLink>();
  const heard = new Map<string, { link: LiveLink; atMs: number }>();
  const count = (): void => {
    deps.metrics.links.reset();
    for (const { evidence } of byId.values()) deps.metrics.links.inc({ level: evidence.level });
  };
  const forget = (link: LiveLink): void => {
    byId.delete(link.id);
    if (byAgent.get(link.agentId) === link) byAgent.delete(link.agentId);
    count();
  };
  return {
    add: async (link) => {
      const earlier = byAgent.get(link.agentId);
      byId.set(link.id, link);
      byAgent.set(link.agentId, link);
      if (earlier !== undefined && earlier.id !== link.id)
        earlier.end(new TautlineError("admission.link_replaced"));
      count();
      await deps.links.open(link);
    },
    remove: async (id) => {
      const link = byId.get(id);
      if (link === undefined) return;
      forget(link);
      await deps.links.close(id);
    },
    noteMessage: (link) => {
      heard.set(link.id, { link, atMs: deps.now() });
    },
    endAgent: (agentId, reason) => {
      byAgent.get(agentId)?.end(reason);
    },
    endAll: (reason) => {
      for (const link of byId.values()) link.end(reason);
    },
    pushTo: async (namespace) => {
      for (const link of byId.values()) {
        if (namespace !== "" && link.namespace !== namespace) continue;
        await link
          .push()
          .catch((error: unknown) =>
            deps.log.error({ err: error, agent: link.agentId }, "push failed"),
          );
      }
    },
    flush: () => flush(deps, heard),
  };
}

async function flush(
  deps: LiveLinkDeps,
  heard: Map<string, { link: LiveLink; atMs: number }>,
): Promise<void> {
  const notes = [...heard.values()];
  heard.clear();
  await deps.links.noteMessages(notes.map(({ link, atMs }) => ({ id: link.id, atMs })));
  await deps.agents.noteSeen(
    notes.map(({ link, atMs }) => ({
      id: link.agentId,
      atMs,
      level: link.evidence.level,
      group: link.evidence.group,
    })),
  );
}
