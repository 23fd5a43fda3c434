import type { AuditLog } from "../audit/audit-log.ts";
import type { ListenerTable } from "../store/listener-tables.ts";
import type { Level } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";
import {
  LISTENER_BINDS,
  type ListenerBind,
  SECURE_LEVELS,
  type SecureLevel,
} from "./listener-settings.ts";

/** What is kept of one listener. */
export type ListenerRow = Omit<ListenerTable, "name" | "changed_at">;

/** The same, as settings have it; what nobody has set is undefined. */
export interface KeptListener {
  readonly bind?: ListenerBind | undefined;
  readonly port?: number | undefined;
  /** In rising order. */
  readonly levels?: readonly SecureLevel[] | undefined;
}

/**
 * Reads what is kept of a listener; a word that this version does not know is as if nobody had set it.
 *
 * @param row undefined where nothing is kept
 */
export function keptListener(row: ListenerRow | undefined): KeptListener {
  const levels = row?.levels?.split(",");
  return {
    bind: LISTENER_BINDS.find((each) => each === row?.bind),
    port: row?.port ?? undefined,
    levels: levels && SECURE_LEVELS.filter((each) => levels.includes(each)),
  };
}

/**
 * Keeps what a change says of a listener beside what was kept before.
 *
 * @param trx the change's transaction
 * @param name of the listener
 * @param fields those that are set
 * @param atMs milliseconds since the epoch
 */
export async function keepListener(
  trx: Writer,
  name: ListenerTable["name"],
  fields: Partial<ListenerRow>,
  atMs: number,
): Promise<void> {
  const row = { ...fields, changed_at: atMs };
  await trx
    .insertInto("listeners")
    .values({ name, ...row })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
    .execute();
}

/** A listener as it is after a change. */
export interface ChangedListener {
  readonly name: ListenerTable["name"];
  readonly bind: ListenerBind;
  readonly port: number;
  readonly levels: readonly Level[];
}

/**
 * Writes a change of a listener into the trail, in its transaction.
 *
 * @param audit the trail
 * @param trx the change's transaction
 * @param after as it is now
 * @param actor who changed it
 */
export async function auditListener(
  audit: Pick<AuditLog, "append">,
  trx: Writer,
  { name, bind, port, levels }: ChangedListener,
  actor: string,
): Promise<void> {
  const detail = { listener: name, bind, port, levels: levels.join(",") };
  await audit.append(trx, { action: "listener.changed", actor, subject: "central", detail });
}
