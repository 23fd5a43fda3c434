import type { AuditLog } from "../audit/audit-log.ts";
import {
  LISTENER_BINDS,
  type ListenerChange,
  SECURE_LEVELS,
} from "../listeners/listener-settings.ts";
import type { ReceiverPortName } from "../listeners/secured-connection.ts";
import type { ListenerTable } from "../store/listener-tables.ts";
import type { Store } from "../store/store.ts";
import { type KeptReceiver, receiverLevels, type ReceiverSettings } from "./receiver-settings.ts";

/** What was set of the ports for telemetry, across restarts. */
export interface ReceiverPortStore {
  read(): Promise<KeptReceiver>;
  /** Keeps what a change named, with its entry in the trail. */
  save(saved: SavedReceiverChange): Promise<void>;
}

/** A change of a port for telemetry, done. */
export interface SavedReceiverChange {
  readonly name: ReceiverPortName;
  readonly change: ListenerChange;
  readonly after: ReceiverSettings;
  readonly actor: string;
}

type Row = Omit<ListenerTable, "name" | "changed_at">;

/**
 * Opens what was set of the ports for telemetry.
 *
 * @param deps store, trail, clock
 */
export function createReceiverPortStore(deps: {
  readonly store: Store;
  readonly audit: Pick<AuditLog, "append">;
  readonly now: () => number;
}): ReceiverPortStore {
  const { store, audit, now } = deps;
  return {
    read: async () => {
      const rows = await store.read((db) => db.selectFrom("listeners").selectAll().execute());
      const row = (name: ReceiverPortName) => rows.find((each) => each.name === name);
      return {
        receiver: keptOf(row("receiver")),
        "receiver-plaintext": keptOf(row("receiver-plaintext")),
      };
    },
    save: ({ name, change, after, actor }) =>
      store.write(async (trx) => {
        const { bind, port } = after[name];
        const fields: Partial<Row> = {
          bind,
          ...(change.port !== undefined && { port }),
          ...(change.levels !== undefined &&
            name === "receiver" && { levels: after.receiver.levels.join(",") }),
        };
        const row = { ...fields, changed_at: now() };
        await trx
          .insertInto("listeners")
          .values({ name, ...row })
          .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
          .execute();
        const levels = receiverLevels(after, name).join(",");
        const detail = { listener: name, bind, port, levels };
        await audit.append(trx, { action: "listener.changed", actor, subject: "central", detail });
      }),
  };
}

function keptOf(row: Row | undefined): KeptReceiver["receiver"] {
  const bind = LISTENER_BINDS.find((each) => each === row?.bind);
  const levels = row?.levels?.split(",");
  return {
    ...(bind !== undefined && { bind }),
    ...(row !== undefined && row.port !== null && { port: row.port }),
    ...(levels !== undefined && { levels: SECURE_LEVELS.filter((each) => levels.includes(each)) }),
  };
}
