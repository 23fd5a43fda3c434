/* Equipment: made-up facts for the planner. No tests of its own. */
import type { LinkPolicy } from "@tautline/protocol";
import { levelsFrom, OPEN_POLICY } from "@tautline/protocol";
import type { AgentFacts, SeenLinks, Wanted } from "./plan.ts";

/** Noon of the day on which these facts were looked at. */
export const NOW_MS: number = Date.UTC(2026, 10, 28, 12);
/** A day in milliseconds. */
export const DAY_MS = 86_400_000;
/** The id of the agent of these facts. */
export const ID = "0197d3b1-7c00-7abc-8def-0123456789ab";

/** A policy that accepts the levels from one on. */
export function floor(level: LinkPolicy["accept"][number], rest: Partial<LinkPolicy> = {}) {
  return { ...OPEN_POLICY, accept: levelsFrom(level), ...rest };
}

/** What is asked of every agent and kind. */
export function wantedOf(policy: LinkPolicy, rest: Partial<Wanted> = {}): Wanted {
  return { namespace: undefined, kinds: ["control", "forward"], policy, ...rest };
}

/** Links that were seen from one day of age to another. */
export function seen(
  level: SeenLinks["level"],
  [fromDays, toDays]: readonly [number, number],
  rest: Partial<SeenLinks> = {},
): SeenLinks {
  const isTls = level === "tls" || level === "mtls";
  return {
    kind: "control",
    component: "agent",
    level,
    pq: isTls,
    clientProven: level === "mtls",
    group: isTls ? "X25519MLKEM768" : null,
    code: "",
    links: 1,
    firstMs: NOW_MS - fromDays * DAY_MS,
    lastMs: NOW_MS - toDays * DAY_MS,
    address: "192.0.2.7",
    isLive: false,
    ...rest,
  };
}

/** An agent with an identity that can be told to climb. */
export function factsOf(links: readonly SeenLinks[], rest: Partial<AgentFacts> = {}): AgentFacts {
  return {
    id: ID,
    name: "pump-7",
    namespace: "default",
    state: "active",
    version: "0.1.0",
    upgrade: "remote",
    instructions: ["addresses", "level", "settings"],
    links,
    ...rest,
  };
}
