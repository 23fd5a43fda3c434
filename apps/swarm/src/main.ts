import { randomBytes } from "node:crypto";
import { createLedger, noLedger } from "./ledger.ts";
import { planSwarm, type SwarmOptions } from "./swarm-options.ts";
import { startSwarm, type Swarm, type SwarmDeps } from "./swarm.ts";
import { saveState, takeState } from "./swarm-state.ts";
import { formatProgress, formatReport, reportOf, type ReportFacts } from "./swarm-report.ts";
import type { TallyReading } from "./tally.ts";

export { noLedger } from "./ledger.ts";
export { planSwarm, SWARM_BOUNDS, type SwarmOptions } from "./swarm-options.ts";
export { startSwarm, type Swarm } from "./swarm.ts";

const TERMINAL_LINE_MS = 1_000;
const PLAIN_LINE_MS = 10_000;

/** How `tautline swarm` is to run. */
export interface RunSwarmOptions extends SwarmOptions {
  /** Where acknowledged messages are recorded; without it nowhere. */
  readonly ledger?: string | undefined;
  /** Folder of the agents of an earlier run, and for those of this one; without it they end with the run. */
  readonly state?: string | undefined;
  /** Print one JSON document at the end and nothing else. */
  readonly json?: boolean | undefined;
}

/** How a swarm talks to whoever started it. */
export interface SwarmIo {
  /** Writes text to standard output as it is. */
  readonly write: (text: string) => unknown;
  /** A line may be written over. */
  readonly isTerminal: boolean;
  /** Aborts to say goodbye, print the report and end. */
  readonly signal: AbortSignal;
}

/**
 * Runs a swarm of simulated agents against a central on this host until its time is over or it is told to stop.
 *
 * @returns the exit code: 0, or 1 if central refused an agent for good
 * @throws swarm.out_of_bounds, swarm.not_loopback, swarm.ledger_failed, swarm.state_failed, link.address_malformed, value.join_token
 */
export async function runSwarm(options: RunSwarmOptions, io: SwarmIo): Promise<number> {
  const plan = planSwarm(options);
  const ledger = options.ledger === undefined ? noLedger : await createLedger(options.ledger);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  io.signal.addEventListener("abort", end, { once: true });
  if (io.signal.aborted) end();
  const timer = setTimeout(end, plan.durationMs);
  const saved = options.state === undefined ? [] : takeState(options.state);
  const swarm = startSwarm(plan, { ...systemDeps(ledger, stop.signal), saved });
  const beganMs = performance.now();
  const look = (): [TallyReading, ReportFacts] => [
    swarm.tally.read(),
    {
      target: plan.target.address,
      asked: plan.agents,
      elapsedMs: performance.now() - beganMs,
      ledger: options.ledger,
    },
  ];
  const progress = options.json === true ? undefined : showProgress(look, io);
  try {
    const connected = stoppedWith(swarm, stop.signal);
    await swarm.ended;
    if (options.state !== undefined) saveState(options.state, swarm.save());
    await ledger.close();
    progress?.stop();
    const [reading, facts] = look();
    const report = reportOf({ ...reading, connected: connected() }, facts);
    io.write(options.json === true ? `${JSON.stringify(report)}\n` : `${formatReport(report)}\n`);
    return report.agents.lost > 0 ? 1 : 0;
  } finally {
    clearTimeout(timer);
    progress?.stop();
    io.signal.removeEventListener("abort", end);
  }
}

/** How many were connected when the end began: afterwards none is. */
function stoppedWith(swarm: Swarm, signal: AbortSignal): () => number {
  let connected: number | undefined;
  const look = (): void => void (connected = swarm.tally.read().connected);
  if (signal.aborted) look();
  else signal.addEventListener("abort", look, { once: true });
  return () => connected ?? swarm.tally.read().connected;
}

function systemDeps(ledger: SwarmDeps["ledger"], signal: AbortSignal): SwarmDeps {
  return { ledger, now: Date.now, random: Math.random, randomBytes, signal };
}

function showProgress(
  look: () => [TallyReading, ReportFacts],
  { write, isTerminal }: SwarmIo,
): { stop(): void } {
  const show = (): void => {
    const line = formatProgress(...look());
    write(isTerminal ? `\r\u001B[K${line}` : `${line}\n`);
  };
  const timer = setInterval(show, isTerminal ? TERMINAL_LINE_MS : PLAIN_LINE_MS);
  let isStopped = false;
  return {
    stop: () => {
      clearInterval(timer);
      if (!isStopped && isTerminal) write("\r\u001B[K");
      isStopped = true;
    },
  };
}
