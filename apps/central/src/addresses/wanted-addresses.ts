import { createHash } from "node:crypto";
import { encodeCentralAddresses } from "@tautline/protocol";
import { ADDRESSES_KEY, readAddressSetting } from "../settings/setting-rule.ts";
import type { Store } from "../store/store.ts";

/** Where agents of a namespace shall dial central, as an instruction says it. */
export interface WantedAddresses {
  /** `host:port` each, in the order to try. */
  readonly addresses: readonly string[];
  /** The instruction's subject and its SHA-256. */
  readonly subject: Uint8Array;
  readonly digest: Buffer;
  /** Set or confirmed then; milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** Central's addresses by namespace, in memory: they are asked for with every message. */
export interface CentralAddresses {
  /** What agents of the namespace shall be told; undefined where nobody has said. */
  wantedBy(namespace: string): WantedAddresses | undefined;
  /** What tokens and grants of the namespace say. */
  toldTo(namespace: string): readonly string[];
  /** Reads the settings anew. */
  refresh(): Promise<void>;
}

/** What central's addresses are read from. */
export interface CentralAddressesDeps {
  readonly store: Store;
  /** The settings file's `agents.advertise`, complete; empty where it says nothing. */
  readonly advertised: () => readonly string[];
  /** This host's own, where nobody has said anything. */
  readonly own: () => readonly string[];
}

/**
 * Opens central's addresses: those set for the namespace, else those set for every namespace, else those of the settings file.
 *
 * This host's own are told to who joins, but not sent after agents that have joined: interfaces come and go by themselves.
 *
 * @param deps settings, and what stands in for them
 */
export async function openCentralAddresses(deps: CentralAddressesDeps): Promise<CentralAddresses> {
  let byNamespace = new Map<string, WantedAddresses>();
  const refresh = async (): Promise<void> => {
    const rows = await deps.store.read((db) =>
      db.selectFrom("settings").selectAll().where("key", "=", ADDRESSES_KEY).execute(),
    );
    byNamespace = new Map(
      rows.map(({ namespace, value, changed_at }) => [
        namespace,
        wanted(readAddressSetting(value), changed_at),
      ]),
    );
  };
  await refresh();
  const wantedBy = (namespace: string): WantedAddresses | undefined => {
    const advertised = deps.advertised();
    const fromFile = advertised.length === 0 ? undefined : wanted(advertised, 0);
    return byNamespace.get(namespace) ?? byNamespace.get("") ?? fromFile;
  };
  return {
    refresh,
    wantedBy,
    toldTo: (namespace) => wantedBy(namespace)?.addresses ?? deps.own(),
  };
}

function wanted(addresses: readonly string[], sinceMs: number): WantedAddresses {
  const subject = encodeCentralAddresses(addresses);
  return { addresses, subject, digest: createHash("sha256").update(subject).digest(), sinceMs };
}
