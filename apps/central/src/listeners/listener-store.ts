import type { AuditLog } from "../audit/audit-log.ts";
import type { Store } from "../store/store.ts";
import type { KeptSettings } from "./first-settings.ts";
import { auditListener, keepListener, keptListener, type ListenerRow } from "./listener-rows.ts";
import { type ListenerChange, type ListenerSettings, placeOf } from "./listener-settings.ts";
import type { AgentsPortName } from "./secured-connection.ts";

/** What was set of the listeners, across restarts. */
export interface ListenerStore {
  read(): Promise<KeptSettings>;
  /** Keeps what a change named and what it made different, with its entry in the trail. */
  save(saved: SavedChange): Promise<void>;
}

/** A change of a listener, done. */
export interface SavedChange {
  readonly name: AgentsPortName;
  readonly change: ListenerChange;
  readonly before: ListenerSettings;
  readonly after: ListenerSettings;
  readonly actor: string;
}

/**
 * Opens what was set of the listeners.
 *
 * @param deps store, trail, clock
 */
export function createListenerStore(deps: {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
}): ListenerStore {
  const { store, audit, now } = deps;
  return {
    read: async () => {
      const rows = await store.read((db) => db.selectFrom("listeners").selectAll().execute());
      const row = (name: AgentsPortName): ListenerRow | undefined =>
        rows.find((each) => each.name === name);
      return keptOf(row("agents"), row("plaintext"));
    },
    save: (saved) =>
      store.write(async (trx) => {
        const rows: [AgentsPortName, Partial<ListenerRow>][] = [
          ["agents", agentsRow(saved)],
          ["plaintext", plaintextRow(saved)],
        ];
        for (const [name, fields] of rows) {
          if (Object.keys(fields).length > 0) await keepListener(trx, name, fields, now());
        }
        const { name, actor, after } = saved;
        await auditListener(audit, trx, { name, ...placeOf(after, name) }, actor);
      }),
  };
}

function keptOf(
  agentsRow: ListenerRow | undefined,
  plaintextRow: ListenerRow | undefined,
): KeptSettings {
  const { bind, port, levels } = keptListener(agentsRow);
  const plaintext = keptListener(plaintextRow);
  const shared = plaintextRow?.shared ?? undefined;
  return {
    agents: { bind: bind === "off" ? undefined : bind, port, levels },
    plaintext: { bind: plaintext.bind, port: plaintext.port },
    isShared: shared === undefined ? undefined : shared === 1,
  };
}

function agentsRow({ name, change, before, after }: SavedChange): Partial<ListenerRow> {
  const [was, is] = [before.agents, after.agents];
  const named = name === "agents" ? change : {};
  return {
    ...((named.bind !== undefined || was.bind !== is.bind) && { bind: is.bind }),
    ...((named.port !== undefined || was.port !== is.port) && { port: is.port }),
    ...(named.levels !== undefined && { levels: is.levels.join(",") }),
  };
}

function plaintextRow({ name, change, before, after }: SavedChange): Partial<ListenerRow> {
  const [was, is] = [before.plaintext, after.plaintext];
  const named = name === "plaintext" ? change : {};
  const isMoved = named.bind !== undefined || named.port !== undefined;
  const isSharing = change.shared === true || before.isShared !== after.isShared;
  return {
    ...((named.bind !== undefined || was.bind !== is.bind) && { bind: is.bind }),
    ...((named.port !== undefined || was.port !== is.port) && { port: is.port }),
    ...((isMoved || isSharing) && { shared: Number(after.isShared) }),
  };
}
