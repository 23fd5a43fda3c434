import type { CarriedConnection } from "@tautline/link";
import type { ProvenClient, ReceiverLink } from "./caller.ts";

/** A link over which telemetry comes, while it is carried. */
export interface LiveReceiverLink extends ReceiverLink {
  /** Its own among all links. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly carried: CarriedConnection;
  /** When its last call began or ended; milliseconds since 1970. */
  heardMs: number;
  /** What its callers say they are, as the last call said it. */
  userAgent: string | null;
  /** Clients whose tokens its calls have shown, by the token's id. */
  readonly clients: Map<string, ProvenClient>;
  /** Bytes of bodies of calls that are over. */
  up: number;
  down: number;
}

/** The receiver's links of this process. */
export interface LinkTable {
  add(link: LiveReceiverLink): void;
  remove(link: LiveReceiverLink): void;
  all(): readonly LiveReceiverLink[];
}

/** Makes the empty table. */
export function createLinkTable(): LinkTable {
  const links = new Set<LiveReceiverLink>();
  return {
    add: (link) => void links.add(link),
    remove: (link) => void links.delete(link),
    all: () => [...links],
  };
}
