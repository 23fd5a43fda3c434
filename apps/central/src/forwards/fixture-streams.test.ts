import { plaintextEvidence } from "@tautline/link";
import type { LiveStream } from "./stream-table.ts";

/** A stream of nobody in particular. */
export function aStream(changes: Partial<LiveStream> = {}): LiveStream {
  return {
    id: "s",
    agentId: "a",
    namespace: "default",
    forward: "db",
    operator: null,
    wanted: "db.example:5432",
    target: "192.0.2.9:5432",
    remoteAddress: "192.0.2.1",
    evidence: plaintextEvidence(() => 0),
    sinceMs: 0,
    heardMs: 0,
    up: 0,
    down: 0,
    end: () => {},
    ...changes,
  };
}
