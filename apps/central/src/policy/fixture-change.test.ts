/* Equipment of the tests of changes of policy: an agent as a change sees it. No tests of its own. */
import { levelsFrom, type LinkPolicy } from "@tautline/protocol";
import type { ChangeAgent } from "./change.ts";

/** Only mtls, and nothing else asked for. */
export const MTLS: LinkPolicy = {
  accept: levelsFrom("mtls"),
  clientProof: "none",
  postQuantum: "prefer",
  loopback: "keep",
};

/** An agent that was linked in plaintext when the change began, and was told to climb. */
export const CLIMBER: ChangeAgent = {
  id: "agent-1",
  namespace: "default",
  verdict: "moves",
  isWatched: true,
  moveTo: "mtls",
  lacking: [{ kind: "control", level: "plaintext" }],
  hasMet: false,
  isExcepted: false,
  isLost: false,
  isEnded: false,
  code: "",
  missingMs: 0,
};
