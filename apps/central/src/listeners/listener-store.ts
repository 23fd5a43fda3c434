import type { AuditLog } from "../audit/audit-log.ts";
import type { ListenerTable } from "../store/listener-tables.ts";
import type { Store } from "../store/store.ts";
import type { KeptSettings } from "./first-settings.ts";
import {
  LISTENER_BINDS,
  type ListenerChange,
  type ListenerSettings,
  placeOf,
  SECURE_LEVELS,
} from "./listener-settings.ts";
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

type Row = Omit<ListenerTable, "name" | "changed_at">;

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
      const row = (name: AgentsPortName): Row | undefined =>
        rows.find((each) => each.name === name);
      return keptOf(row("agents"), row("plaintext"));
    },
    save: (saved) =>
      store.write(async (trx) => {
        const rows: [AgentsPortName, Partial<Row>][] = [
          ["agents", agentsRow(saved)],
          ["plaintext", plaintextRow(saved)],
        ];
        for (const [name, fields] of rows) {
          if (Object.keys(fields).length === 0) continue;
          const row = { ...fields, changed_at: now() };
          await trx
            .insertInto("listeners")
            .values({ name, ...row })
            .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
            .execute();
        }
        const { name, actor, after } = saved;
        const { bind, port, levels } = placeOf(after, name);
        const detail = { listener: name, bind, port, levels: levels.join(",") };
        await audit.append(trx, { action: "listener.changed", actor, subject: "central", detail });
      }),
  };
}

function keptOf(agents: Row | undefined, plaintext: Row | undefined): KeptSettings {
  const bind = (row: Row | undefined) => LISTENER_BINDS.find((each) => each === row?.bind);
  const agentsBind = bind(agents);
  const levels = agents?.levels?.split(",");
  const shared = plaintext?.shared ?? undefined;
  return {
    agents: {
      bind: agentsBind === "off" ? undefined : agentsBind,
      port: agents?.port ?? undefined,
      levels: levels && SECURE_LEVELS.filter((level) => levels.includes(level)),
    },
    plaintext: { bind: bind(plaintext), port: plaintext?.port ?? undefined },
    isShared: shared === undefined ? undefined : shared === 1,
  };
}

function agentsRow({ name, change, before, after }: SavedChange): Partial<Row> {
  const [was, is] = [before.agents, after.agents];
  const named = name === "agents" ? change : {};
  return {
    ...((named.bind !== undefined || was.bind !== is.bind) && { bind: is.bind }),
    ...((named.port !== undefined || was.port !== is.port) && { port: is.port }),
    ...(named.levels !== undefined && { levels: is.levels.join(",") }),
  };
}

function plaintextRow({ name, change, before, after }: SavedChange): Partial<Row> {
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
