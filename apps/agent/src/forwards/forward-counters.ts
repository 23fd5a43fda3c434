/** What went through one forward since the agent started. */
export interface ForwardCounts {
  /** Connections carried now. */
  readonly open: number;
  /** Connections that came, those that were refused included. */
  readonly total: number;
  /** Bytes from this host to central. */
  readonly sentBytes: number;
  /** Bytes from central to this host. */
  readonly receivedBytes: number;
  /** Connections reset before anything was carried. */
  readonly refused: number;
  /** Connections reset in the middle. */
  readonly cut: number;
}

/** Counts of one forward; whoever carries a connection writes them. */
export type ForwardCounters = { -readonly [Name in keyof ForwardCounts]: number };

/** Counters of a forward over which nothing went. */
export function createForwardCounters(): ForwardCounters {
  return { open: 0, total: 0, sentBytes: 0, receivedBytes: 0, refused: 0, cut: 0 };
}
