import { type LinkEvidence, TautlineError } from "@tautline/protocol";
import type { LinkRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";

/** A link as lists show it (CLI.md, `links`). */
export interface LinkView extends Omit<LinkEvidence, "peerId"> {
  readonly id: string;
  readonly kind: string;
  readonly agent: string;
  /** The agent's. */
  readonly namespace: string;
  readonly component: string;
  readonly transport: "websocket" | "polling" | "forward" | "receiver";
  readonly remoteAddress: string;
  readonly peerId: string | null;
  readonly lastMessageAt: string;
  readonly verdict: string;
}

/** A link to be listed while it lives. */
export interface NewLink {
  readonly id: string;
  readonly agentId: string;
  readonly transport: "websocket" | "polling";
  readonly remoteAddress: string;
  readonly evidence: LinkEvidence;
}

/** The live links of every central on this database, as rows: no process is assumed to see them all. */
export interface LinkStore {
  open(link: NewLink): Promise<void>;
  /** Removes links by their ids; ids that are not there are no mistake. */
  close(ids: readonly string[]): Promise<void>;
  noteMessages(at: readonly { readonly id: string; readonly atMs: number }[]): Promise<void>;
  /** Removes what an earlier run of this central left behind. */
  closeAll(): Promise<void>;
  /** The links of this central that are in the database; those an earlier run left behind, before `closeAll`. */
  own(): Promise<readonly LinkRow[]>;
  list(filter: { readonly kind?: string; readonly agent?: string }): Promise<LinkView[]>;
  /** @throws api.not_found */
  get(id: string): Promise<LinkView>;
}

const NOTE_MESSAGE = `update "links" set "last_message_at" = ? where "id" = ?`;

/**
 * Opens the list of live links.
 *
 * @param store central's database
 * @param centralId this central among those on the database
 */
export function createLinkStore(store: Store, centralId: string): LinkStore {
  return {
    open: async (link) => {
      const row = linkRow(link, centralId);
      await store.write(async (trx) => {
        await trx.insertInto("links").values(row).execute();
        await noteLinked(trx, row);
      });
    },
    close: async (ids) => {
      if (ids.length === 0) return;
      await store.write(async (trx) => {
        for (const id of ids) await trx.deleteFrom("links").where("id", "=", id).execute();
      });
    },
    noteMessages: async (notes) => {
      await Promise.all(notes.map(({ id, atMs }) => store.run(NOTE_MESSAGE, [atMs, id])));
    },
    closeAll: async () => {
      await store.write((trx) =>
        trx.deleteFrom("links").where("central_id", "=", centralId).execute(),
      );
    },
    own: () =>
      store.read((db) =>
        db.selectFrom("links").selectAll().where("central_id", "=", centralId).execute(),
      ),
    list: (filter) => listLinks(store, filter),
    get: async (id) => {
      const [link] = await listLinks(store, { id });
      if (link !== undefined) return link;
      throw new TautlineError("api.not_found", { detail: { thing: "link", id, noun: "links" } });
    },
  };
}

/** A linked agent was seen: until notes are written it would be called silent after an outage, although it is back. */
async function noteLinked(trx: Writer, row: LinkRow): Promise<void> {
  const { agent_id: id, since, level, key_group } = row;
  await trx
    .updateTable("agents")
    .set({ last_seen_at: since, level, key_group })
    .where("id", "=", id)
    .where((eb) => eb.or([eb("last_seen_at", "is", null), eb("last_seen_at", "<", since)]))
    .execute();
}

interface LinkFilter {
  readonly id?: string;
  readonly kind?: string;
  readonly agent?: string;
}

async function listLinks(store: Store, filter: LinkFilter): Promise<LinkView[]> {
  const rows = await store.read((db) => {
    let query = db
      .selectFrom("links")
      .innerJoin("agents", "agents.id", "links.agent_id")
      .selectAll("links")
      .select("agents.namespace")
      .orderBy("since")
      .orderBy("links.id");
    if (filter.id !== undefined) query = query.where("links.id", "=", filter.id);
    if (filter.kind !== undefined) query = query.where("kind", "=", filter.kind);
    if (filter.agent !== undefined) query = query.where("agent_id", "=", filter.agent);
    return query.execute();
  });
  return rows.map((row) => viewOf(row));
}

function linkRow(link: NewLink, centralId: string): LinkRow {
  const { evidence } = link;
  const sinceMs = Date.parse(evidence.since);
  return {
    id: link.id,
    central_id: centralId,
    kind: "control",
    agent_id: link.agentId,
    component: "agent",
    transport: link.transport,
    remote_address: link.remoteAddress,
    level: evidence.level,
    protocol: evidence.protocol,
    cipher: evidence.cipher,
    key_group: evidence.group,
    pq: Number(evidence.pq),
    server_proven: Number(evidence.serverProven),
    client_proven: Number(evidence.clientProven),
    forward_secret: Number(evidence.forwardSecret),
    peer_id: evidence.peerId,
    peer_serial: evidence.peerSerial,
    key_id: evidence.keyId,
    since: sinceMs,
    last_message_at: sinceMs,
  };
}

function viewOf(row: LinkRow & { readonly namespace: string }): LinkView {
  return {
    id: row.id,
    kind: row.kind,
    agent: row.agent_id,
    namespace: row.namespace,
    component: row.component,
    transport: row.transport,
    remoteAddress: row.remote_address,
    ...evidenceOfRow(row),
    lastMessageAt: new Date(row.last_message_at).toISOString(),
    verdict: "accepted",
  };
}

/**
 * Gives the evidence of a link as it was kept.
 *
 * @param row of the table of links
 */
export function evidenceOfRow(row: LinkRow): LinkEvidence {
  return {
    level: row.level as LinkEvidence["level"],
    protocol: row.protocol,
    cipher: row.cipher,
    group: row.key_group,
    pq: row.pq === 1,
    serverProven: row.server_proven === 1,
    clientProven: row.client_proven === 1,
    forwardSecret: row.forward_secret === 1,
    peerId: row.peer_id,
    peerSerial: row.peer_serial,
    keyId: row.key_id,
    since: new Date(row.since).toISOString(),
  };
}
