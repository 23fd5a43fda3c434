import type { UpstreamState } from "@tautline/link";
import type { CallStoreStatus } from "./store/call-store.ts";

/** Calls of this host's programs since the agent started. */
export interface EdgeCounts {
  /** Connections of programs that stand. */
  readonly connections: number;
  readonly calls: number;
  /** Calls that did not end in order, those that were refused included. */
  readonly failed: number;
  /** Bytes of bodies, from the programs and back. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Calls that were kept on the disk, and of those how many the other end has taken since. */
  readonly kept: number;
  readonly delivered: number;
}

/** The edge as `agent status` shows it. */
export interface EdgeStatus extends EdgeCounts {
  /** Where it listens, or is to listen. */
  readonly listen: string;
  readonly listening: boolean;
  /** Where calls go, in the order in which it is tried. */
  readonly onward: readonly {
    readonly name: string;
    readonly state: UpstreamState["state"];
    /** Why it is out, and what to do; null where it is not. */
    readonly error: string | null;
  }[];
  readonly store: CallStoreStatus;
}
