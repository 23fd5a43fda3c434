import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import type { Principal } from "../operators/principal.ts";
import type { AllowanceDirection } from "./allowance.ts";

/** A stream that central carries for an agent, or to it for an operator. */
export interface LiveStream {
  /** Its own among all streams. */
  readonly id: string;
  readonly agentId: string;
  readonly namespace: string;
  /** The forward's name, or the service's. */
  readonly forward: string;
  /** Who opened the service; null where an agent opened the stream. */
  readonly operator: Principal | null;
  /** "host:port" as it was allowed when the stream began; null until that was looked up. */
  wanted: string | null;
  /** "host:port" of the address that was connected to, once it was. */
  target: string | null;
  /** Of the agent's connection, without a port. */
  readonly remoteAddress: string;
  /** Of the link that carries it. */
  readonly evidence: LinkEvidence;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** When it carried something last; milliseconds since 1970. */
  heardMs: number;
  /** Bytes that the agent has sent through it, and that it was sent. */
  up: number;
  down: number;
  /** Ends it, with the reason at both ends. Never throws. */
  end(reason: TautlineError): void;
}

/** The streams of this process. */
export interface StreamTable {
  add(stream: LiveStream): void;
  remove(stream: LiveStream): void;
  all(): readonly LiveStream[];
  /** How many streams an agent has through one forward; or how many operators have to one service of it. */
  count(agentId: string, forward: string, direction?: AllowanceDirection): number;
}

/** Makes the empty table. */
export function createStreamTable(): StreamTable {
  const streams = new Set<LiveStream>();
  const counts = new Map<string, number>();
  const change = ({ agentId, forward, operator }: LiveStream, by: 1 | -1): void => {
    const key = keyOf(agentId, forward, operator === null ? "out" : "in");
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  };
  return {
    add: (stream) => {
      if (streams.has(stream)) return;
      streams.add(stream);
      change(stream, 1);
    },
    remove: (stream) => {
      if (streams.delete(stream)) change(stream, -1);
    },
    all: () => [...streams],
    count: (agentId, forward, direction = "out") =>
      counts.get(keyOf(agentId, forward, direction)) ?? 0,
  };
}

/** Neither an id nor a name holds a blank. */
function keyOf(agentId: string, forward: string, direction: AllowanceDirection): string {
  return `${agentId} ${direction} ${forward}`;
}
