import type { PeerOffer } from "@tautline/protocol";
import { describeMemory, NO_MEMORY } from "../audit/head-memory.ts";
import type { ControlStatus } from "../control/control-link.ts";
import type { Problem } from "../problem-list.ts";
import type { AgentStatus } from "../status/agent-status.ts";
import { AGENT_VERSION } from "../version.ts";
import type { LegacyState } from "./legacy-file.ts";
import type { LegacyWish } from "./legacy-wish.ts";

/** What only a running agent without an identity knows. */
export interface LegacyFacts {
  readonly wish: LegacyWish;
  /** Undefined before it dials. */
  readonly control: ControlStatus | undefined;
  readonly problems: readonly Problem[];
  readonly clockOffsetMs: number | undefined;
  readonly offer: PeerOffer | undefined;
  readonly proxy: string | null;
}

const STOPPED = { running: false, level: null, key: null, link: null, errors: [], name: "" };
const UNKNOWN = { lastAnswerAt: null, clockOffsetSeconds: null, offers: null, proxy: null };

/**
 * Makes the status document of an agent that has no identity.
 *
 * @param state what it keeps
 * @param live what the running agent knows; undefined if none runs
 */
export function describeLegacy(state: LegacyState, live?: LegacyFacts): AgentStatus {
  return {
    ...(live === undefined ? { ...STOPPED, central: centralOf([]) } : describeRunning(live)),
    id: state.id,
    namespace: null,
    state: "unproven",
    approval: null,
    version: AGENT_VERSION,
    provenLevel: state.provenLevel ?? null,
    climbed: null,
    orderedLevel: null,
    promotion: state.offer ?? null,
    vault: null,
    certificates: [],
    renewal: null,
    settings: null,
    audit: describeMemory(NO_MEMORY),
    forwards: [],
    services: [],
    edge: null,
  };
}

function describeRunning(
  live: LegacyFacts,
): Pick<AgentStatus, "running" | "name" | "level" | "key" | "link" | "errors" | "central"> {
  const { wish, control, problems, clockOffsetMs, offer = null, proxy } = live;
  const { connected = false, lastAnswerAtMs, evidence, attempts = [] } = control ?? {};
  return {
    running: true,
    name: wish.name,
    level: wish.level,
    key: wish.level === "plaintext" ? null : wish.key.name,
    link: evidence ?? null,
    errors: problems,
    central: {
      ...centralOf(wish.addresses),
      connected,
      lastAnswerAt: lastAnswerAtMs === undefined ? null : new Date(lastAnswerAtMs).toISOString(),
      clockOffsetSeconds: clockOffsetMs === undefined ? null : Math.round(clockOffsetMs / 1000),
      offers: offer,
      attempts,
      proxy,
    },
  };
}

function centralOf(addresses: readonly string[]): AgentStatus["central"] {
  return { ...UNKNOWN, addresses, connected: false, attempts: [], candidates: [] };
}
