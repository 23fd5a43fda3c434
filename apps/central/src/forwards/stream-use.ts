import type { AuditEvent } from "../audit/audit-event.ts";
import { actorOf } from "../operators/principal.ts";
import type { LiveStream } from "./stream-table.ts";

/** What streams came to: thousands may end in a second, so the trail tells of them together. */
export interface StreamUse {
  /** Counts a stream that has ended. */
  note(stream: LiveStream, isClean: boolean): void;
  /** One entry for each agent, forward and target that were used since this was asked last. */
  take(): AuditEvent[];
  /** Puts back what could not be written down. */
  putBack(events: readonly AuditEvent[]): void;
}

interface Sum {
  readonly stream: Pick<LiveStream, "agentId" | "namespace" | "forward" | "target" | "operator">;
  streams: number;
  broken: number;
  up: number;
  down: number;
}

/** Makes the empty book of uses. */
export function createStreamUse(): StreamUse {
  const sums = new Map<string, Sum>();
  let waiting: AuditEvent[] = [];
  return {
    note: (stream, isClean) => {
      const { agentId, forward, target, up, down } = stream;
      const key = `${agentId} ${forward} ${target ?? ""} ${stream.operator?.name ?? ""}`;
      const sum = sums.get(key) ?? { stream, streams: 0, broken: 0, up: 0, down: 0 };
      sum.streams += 1;
      sum.broken += isClean ? 0 : 1;
      sum.up += up;
      sum.down += down;
      sums.set(key, sum);
    },
    take: () => {
      const events = [...waiting, ...[...sums.values()].map(eventOf)];
      waiting = [];
      sums.clear();
      return events;
    },
    putBack: (events) => {
      waiting = [...events, ...waiting];
    },
  };
}

function eventOf({ stream, streams, broken, up, down }: Sum): AuditEvent {
  const { agentId, namespace, forward, target, operator } = stream;
  const where =
    operator === null ? { target: target ?? "" } : ({ agentId, direction: "in" } as const);
  return {
    action: "forward.used",
    actor: operator === null ? `agent:${agentId}` : actorOf(operator),
    subject: `forward:${forward}`,
    detail: { namespace, ...where, streams, broken, up, down },
  };
}
