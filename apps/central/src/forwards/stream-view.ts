import type { LinkView } from "../fleet/link-store.ts";
import type { LiveStream } from "./stream-table.ts";

/** What streams have beyond other links. */
export interface StreamFacts {
  /** "host:port" that central connected to; null for links that lead no further. */
  readonly target: string | null;
  /** "out": the agent opened it; "in": an operator did; null for links that are no streams. */
  readonly direction: "out" | "in" | null;
  /** Name of the operator that opened it. */
  readonly operator: string | null;
  /** Bytes from the agent so far; null for links that do not count. */
  readonly up: number | null;
  /** Bytes to the agent so far. */
  readonly down: number | null;
}

/** Of links that are no streams. */
export const NO_STREAM: StreamFacts = {
  target: null,
  direction: null,
  operator: null,
  up: null,
  down: null,
};

/**
 * A stream as lists of links show it: its forward is the component.
 *
 * @param stream that runs
 */
export function viewOfStream(stream: LiveStream): LinkView & StreamFacts {
  const { id, agentId, namespace, forward, remoteAddress, evidence } = stream;
  const { target, operator, up, down, sinceMs, heardMs } = stream;
  return {
    ...evidence,
    id,
    kind: "forward",
    agent: agentId,
    namespace,
    component: forward,
    transport: "forward",
    remoteAddress,
    since: new Date(sinceMs).toISOString(),
    lastMessageAt: new Date(heardMs).toISOString(),
    verdict: "accepted",
    target,
    direction: operator === null ? "out" : "in",
    operator: operator?.name ?? null,
    up,
    down,
  };
}
