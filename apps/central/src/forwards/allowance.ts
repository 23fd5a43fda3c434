import type { OperatorRole } from "@tautline/protocol";

/** Which end opens streams: an agent, to a target beyond central; or an operator, to a service of the agent's host. */
export type AllowanceDirection = "out" | "in";

/** What an agent, or every agent of a namespace, may have central connect to; or which service of theirs operators may open. */
export interface ForwardAllowance {
  /** What an agent or an operator asks for: a DNS label. */
  readonly name: string;
  readonly direction: AllowanceDirection;
  readonly namespace: string;
  /** The one agent it is for; null for every agent of the namespace. */
  readonly agent: string | null;
  /** "host:port" as it was allowed; null where the direction is "in": where a service is, its agent alone says. */
  readonly target: string | null;
  /** The least role that may open it; null where the direction is "out". */
  readonly operatorRole: OperatorRole | null;
  /** The name may lead to a loopback address of central's host. */
  readonly alsoLocal: boolean;
  /** The target is told who connects, by a PROXY header of version 2. */
  readonly proxyProtocol: boolean;
  /** A stream ends after so many milliseconds without a byte either way. */
  readonly idleMs: number;
  /** A stream ends after so many milliseconds whatever it does. */
  readonly totalMs: number;
  /** Streams of one agent through it at once. */
  readonly maxStreams: number;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly createdBy: string;
}
