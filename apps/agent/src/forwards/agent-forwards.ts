import { createBackoff } from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import type { AgentWorld } from "../agent-world.ts";
import { dialForwardLink, type ForwardDialOptions } from "./forward-link.ts";
import { createForwardService, DRAIN_MS, type ForwardService } from "./forward-service.ts";
import { createForwardPool } from "./pool.ts";

/** Links kept ready are few: a burst beyond them dials. */
const MOST_WARM = 64;
/** After a burst so many more are kept for the next one, for a while. */
const SPARE = 64;
/** Links beyond the warm ones are closed after so long unused. */
const IDLE_MS = 60_000;

/** How an agent's forwards reach central, and when they stop. */
export interface AgentForwardsOptions {
  /** How central is dialled, and where. */
  readonly way: Pick<ForwardDialOptions, "dial" | "addresses">;
  /** Aborts to stop; `stop` waits for it. */
  readonly signal: AbortSignal;
  readonly onProblem: (error: TautlineError) => void;
}

/**
 * Makes an agent's forwards with one pool of links for all of them. They come to their end while the control link says goodbye.
 *
 * @param world settings, folder and time of the agent
 * @param options way to central
 */
export function createAgentForwards(
  { config, folder, clock, random }: Pick<AgentWorld, "config" | "folder" | "clock" | "random">,
  { way, signal, onProblem }: AgentForwardsOptions,
): ForwardService {
  const { forwards, remoteForwards, central } = config;
  // One for those that central may set, which there may be none of: links are kept once there is a forward.
  const own = sumOf(Object.values(forwards).map((one) => one.warm));
  const warm = Math.min(MOST_WARM, own + Math.sign(remoteForwards.length));
  const timeoutMs = central.answerTimeout;
  const dialling = { ...way, timeoutMs, elapsed: clock.elapsed };
  const pool = createForwardPool({
    dial: (calledOff) => dialForwardLink(dialling, calledOff),
    warm,
    mostIdle: warm + SPARE,
    idleMs: IDLE_MS,
    clock,
    backoff: createBackoff({ random }),
    onProblem,
  });
  const around = { dataFolder: folder.path, pool, clock, random, onProblem };
  const limits = { openTimeoutMs: timeoutMs, drainMs: DRAIN_MS };
  const service = createForwardService({ forwards, ...around, ...limits });
  signal.addEventListener("abort", () => void service.stop(), { once: true });
  return service;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
