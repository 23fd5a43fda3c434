import type { UpstreamState } from "@tautline/link";
import type { FileLevel } from "../tls-files/switch-memory.ts";
import type { EdgeTrouble } from "./edge-trouble.ts";
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
    readonly code: string | null;
  }[];
  /** The files by which receivers that the environment names are dialled; null where there are none. */
  readonly files: EdgeFiles | null;
  readonly store: CallStoreStatus;
  /** What went wrong last; null where nothing did since the start. */
  readonly trouble: EdgeTrouble | null;
}

/** The files of SW_AGENT_SSL_*, or those that were found in their place, as they are in use. */
export interface EdgeFiles {
  readonly level: FileLevel;
  /** The certificate that is shown; null at level tls. */
  readonly certificate: {
    readonly subject: string;
    /** RFC 3339 in UTC. */
    readonly notAfter: string;
  } | null;
  /** Why what lies there now is not in use; null where it is. */
  readonly problem: {
    readonly code: string;
    readonly text: string;
    readonly remedy: string;
  } | null;
}
