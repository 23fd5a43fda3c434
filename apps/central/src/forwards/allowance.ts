/** What an agent, or every agent of a namespace, may have central connect to. */
export interface ForwardAllowance {
  /** What an agent asks for: a DNS label. */
  readonly name: string;
  readonly namespace: string;
  /** The one agent it is for; null for every agent of the namespace. */
  readonly agent: string | null;
  /** "host:port" as it was allowed. */
  readonly target: string;
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
