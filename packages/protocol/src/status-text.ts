/** The parts of an agent's status that central keeps. */
export interface KeptStatus {
  readonly attributes: Readonly<Record<string, string>>;
  readonly health: {
    readonly healthy: boolean;
    readonly status: string;
    readonly lastError: string;
  } | null;
  readonly config: {
    /** Lower-case hex; null before the first. */
    readonly hash: string | null;
    readonly status: "unset" | "applied" | "applying" | "failed";
    readonly error: string;
  };
}

/**
 * Writes a status as the one text whose SHA-256 both ends compare: an agent that comes back tells the digest of its status, and
 * central asks for the whole of it only where its own differs (OpAMP status compression).
 *
 * @param status what is kept
 * @returns JSON of a fixed order
 */
export function statusText({ attributes, health, config }: KeptStatus): string {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    sorted,
    health && [health.healthy, health.status, health.lastError],
    [config.hash, config.status, config.error],
  ]);
}
