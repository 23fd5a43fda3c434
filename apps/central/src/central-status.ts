import { formatHostPort, type HostPort } from "@tautline/link";
import { spkiPin } from "@tautline/pki";
import { formatTimestamp, toHex } from "@tautline/protocol";
import type { CentralStatus } from "./api/api-deps.ts";
import type { CentralState, OpenedCentral } from "./opened-central.ts";
import type { Fleet } from "./fleet-parts.ts";
import type { ReceiverApi } from "./receiver/receiver-api.ts";
import { glanceAtReceiver } from "./receiver/receiver-glance.ts";
import type { Store } from "./store/store.ts";
import { VERSION } from "./version.ts";

/**
 * Makes what central says of itself.
 *
 * @param deps what it was built on
 * @param counted what it counts
 * @param state where it listens
 * @returns asks anew at every call; the start is the moment of this one
 */
export function describeCentral(
  { authority, dataDir, now, store }: OpenedCentral,
  { tokens, receiver }: Pick<Fleet, "tokens"> & { readonly receiver: ReceiverApi },
  state: CentralState,
): () => Promise<CentralStatus> {
  const startedAt = formatTimestamp(now());
  const rootPin = toHex(spkiPin(authority.root));
  return async () => ({
    version: VERSION,
    trustDomain: authority.trustDomain,
    startedAt,
    dataDir,
    agents: written(state.agents),
    plaintext: written(state.plaintext) || null,
    console: written(state.console),
    rootPin,
    counts: {
      agents: await countRows(store, "agents"),
      links: await countRows(store, "links"),
      tokens: (await tokens.list()).filter((token) => token.state === "open").length,
    },
    receiver: glanceAtReceiver(receiver, await receiver.backends.list(), state.telemetry),
  });
}

function written(at: HostPort | undefined): string {
  return at === undefined ? "" : formatHostPort(at.host, at.port);
}

async function countRows(store: Store, table: "agents" | "links"): Promise<number> {
  const { rows } = await store.read((db) =>
    db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as("rows"))
      .executeTakeFirstOrThrow(),
  );
  return rows;
}
