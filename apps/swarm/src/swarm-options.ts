import { decodeJoinToken, TautlineError, type JoinToken, type Level } from "@tautline/protocol";
import { parseLoopbackTarget, type LoopbackTarget } from "./loopback-target.ts";
import type { SwarmKey } from "./swarm-world.ts";

/** What the caller asks of a swarm. */
export interface SwarmOptions {
  /** How many agents. */
  readonly agents: number;
  /** URL or "host:port" of central's agents port, on this host. */
  readonly to: string;
  /** At which its agents begin, in turn; mtls alone unless told. They climb by central's signed instruction. */
  readonly levels?: readonly Level[] | undefined;
  /** "host:port" of central's plaintext port, on this host; plaintext needs it. */
  readonly plaintextTo?: string | undefined;
  /** What is shared with central; `basic` and `advanced` need it. */
  readonly key?: SwarmKey | undefined;
  /** The join token's text; it must have a use for each agent. */
  readonly token: string;
  /** How long the whole run takes. */
  readonly durationMs: number;
  /** Joins begun per second; without it so many are under way at once. */
  readonly joinRate?: number | undefined;
  /** Time from one status message of an agent to its next; 0 sends it as soon as the last one is acknowledged. */
  readonly intervalMs: number;
  /** No wait between two dials is longer; without it the agent's own 60 s. For drills that break links faster than agents forgive. */
  readonly longestWaitMs?: number | undefined;
}

/** The same, read and found in order. */
export interface SwarmPlan extends Omit<SwarmOptions, "to" | "plaintextTo" | "token" | "levels"> {
  readonly target: LoopbackTarget;
  readonly plaintextTarget: LoopbackTarget | undefined;
  readonly levels: readonly Level[];
  readonly token: JoinToken;
}

interface Bound {
  readonly what: string;
  readonly least: number;
  readonly most: number;
  readonly unit: string;
}

/** A swarm is bounded in number and time: one that was forgotten ends by itself. */
export const SWARM_BOUNDS = {
  agents: { what: "The number of agents", least: 1, most: 20_000, unit: "" },
  durationMs: { what: "The duration", least: 1_000, most: 24 * 3_600_000, unit: " ms" },
  joinRate: { what: "The rate of joins", least: 0.1, most: 10_000, unit: " a second" },
  intervalMs: { what: "The interval", least: 0, most: 3_600_000, unit: " ms" },
  longestWaitMs: { what: "The longest wait", least: 1_000, most: 60_000, unit: " ms" },
} as const satisfies Record<string, Bound>;

/**
 * Reads the options of a swarm.
 *
 * @param options as the caller gave them
 * @throws swarm.out_of_bounds, swarm.not_loopback, swarm.level_needs, link.address_malformed, value.join_token
 */
export function planSwarm(options: SwarmOptions): SwarmPlan {
  const { to, plaintextTo, token, levels = ["mtls"], key, ...numbers } = options;
  for (const [key, bound] of Object.entries(SWARM_BOUNDS)) {
    const value = numbers[key as keyof typeof SWARM_BOUNDS];
    if (value !== undefined) requireWithin(bound, value);
  }
  if (!Number.isInteger(options.agents)) requireWithin(SWARM_BOUNDS.agents, Number.NaN);
  requireMeans({ levels, plaintextTo, key });
  const plaintextTarget = plaintextTo === undefined ? undefined : parseLoopbackTarget(plaintextTo);
  const target = parseLoopbackTarget(to);
  return { ...numbers, levels, key, target, plaintextTarget, token: decodeJoinToken(token.trim()) };
}

function requireMeans({
  levels = [],
  plaintextTo,
  key,
}: Pick<SwarmOptions, "levels" | "plaintextTo" | "key">): void {
  for (const level of levels) {
    const isKeyed = level === "basic" || level === "advanced";
    const lacking =
      level === "plaintext" && plaintextTo === undefined
        ? "--plaintext-to"
        : isKeyed && key === undefined
          ? "--key-file"
          : undefined;
    if (lacking === undefined) continue;
    throw new TautlineError("swarm.level_needs", { detail: { level, option: lacking } });
  }
}

/** Asked this way round, what is no number is refused too. */
function requireWithin({ what, least, most, unit }: Bound, value: number): void {
  if (value >= least && value <= most) return;
  const detail = { what, value: `${value}${unit}`, least: `${least}`, most: `${most}${unit}` };
  throw new TautlineError("swarm.out_of_bounds", { detail });
}
