import type { AuditLog } from "../audit/audit-log.ts";
import {
  auditListener,
  keepListener,
  keptListener,
  type ListenerRow,
} from "../listeners/listener-rows.ts";
import type { ListenerChange } from "../listeners/listener-settings.ts";
import type { ReceiverPortName } from "../listeners/secured-connection.ts";
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
        receiver: keptListener(row("receiver")),
        "receiver-plaintext": keptListener(row("receiver-plaintext")),
      };
    },
    save: ({ name, change, after, actor }) =>
      store.write(async (trx) => {
        const { bind, port } = after[name];
        const fields: Partial<ListenerRow> = {
          bind,
          ...(change.port !== undefined && { port }),
          ...(change.levels !== undefined &&
            name === "receiver" && { levels: after.receiver.levels.join(",") }),
        };
        await keepListener(trx, name, fields, now());
        const levels = receiverLevels(after, name);
        await auditListener(audit, trx, { name, bind, port, levels }, actor);
      }),
  };
}
