import {
  higherLevel,
  isLower,
  DEFAULT_AGENT_SETTINGS,
  TautlineError,
  type AgentSettings,
  type Level,
} from "@tautline/protocol";
import type {
  AgentIdentity,
  AgentKeys,
  AgentState,
  CandidateState,
  Climbed,
  CommittedState,
  JoinDecision,
  JoiningState,
  JoinTicket,
} from "./agent-state.ts";

/** What can happen to an agent's state. */
export type SettingsEvent =
  /** The first token: id and keys are made now, once. */
  | {
      readonly kind: "began";
      readonly agentId: string;
      readonly name: string;
      readonly keys: AgentKeys;
      readonly ticket: JoinTicket;
    }
  /** Another token, for a join that is not proven yet; id and keys stay. */
  | { readonly kind: "given_token"; readonly ticket: JoinTicket; readonly name: string }
  /** Central said that an operator decides, or has declined. */
  | { readonly kind: "told"; readonly decision: JoinDecision }
  | {
      readonly kind: "granted";
      readonly identity: AgentIdentity;
      readonly name: string;
      readonly renewAtMs: number;
    }
  /** The candidate's certificate ran out before it could be proven; it is asked for again. */
  | { readonly kind: "lapsed" }
  /** The first message under the candidate was answered. */
  | { readonly kind: "proven" }
  /** New keys were made for the next identity; its number is the next one never asked for. */
  | { readonly kind: "renewal_began"; readonly keys: AgentKeys }
  /** Central granted the next identity; the one in use stays in use. */
  | {
      readonly kind: "renewal_granted";
      readonly identity: AgentIdentity;
      readonly renewAtMs: number;
    }
  /** The next identity ran out before it could be proven; it is asked for again, with the same number and keys. */
  | { readonly kind: "renewal_lapsed" }
  /** The first message under the next identity was answered: it takes the place of the one in use, whose keys are gone. */
  | { readonly kind: "renewal_proven" }
  /** The next identity is of no use; its keys are gone and its number is spent. */
  | { readonly kind: "renewal_failed" }
  | {
      readonly kind: "instructed";
      readonly epoch: number;
      readonly seq: bigint;
      readonly configHash: string;
      readonly settings: AgentSettings;
    }
  /** An instruction brought new addresses of central; those in use stay in use. */
  | {
      readonly kind: "addresses_offered";
      readonly epoch: number;
      readonly seq: bigint;
      readonly addresses: readonly string[];
    }
  /** Central answered at one of them: they take the place of those in use. */
  | { readonly kind: "addresses_proven" }
  /** It did not: they are dropped. */
  | { readonly kind: "addresses_failed" }
  /** An instruction brought a level to climb to; the one in use stays in use. */
  | {
      readonly kind: "level_ordered";
      readonly epoch: number;
      readonly seq: bigint;
      readonly level: Level;
      readonly addresses: readonly string[];
    }
  /** Central answered at a level above the one in use: it takes its place. */
  | ({ readonly kind: "level_climbed" } & Climbed)
  /** It did not answer at the level that was ordered, or there is nothing to climb: the order is dropped. */
  | { readonly kind: "level_dropped" }
  /** Central answered at a level higher than any before. */
  | { readonly kind: "level_proven"; readonly level: Level }
  /** Somebody on this host allows a lower one from now on. */
  | { readonly kind: "level_allowed"; readonly level: Level };

/**
 * The one rule of how the agent's state moves; every other pair is refused (F3: a crash leaves one of these states).
 *
 * none --began--> joining --told--> joining --granted--> candidate --proven--> committed --instructed--> committed;
 * candidate goes back to joining by `given_token` or `lapsed`, committed never goes back. Within committed, beside the identity
 * in use: nothing --renewal_began--> asked for --renewal_granted--> granted --renewal_proven--> in use; `renewal_failed` drops it,
 * `renewal_lapsed` goes back to asking. Beside the addresses in use: nothing --addresses_offered--> a move; `addresses_proven`
 * takes it into use, `addresses_failed` drops it. Beside the level in use: nothing --level_ordered--> a move; `level_climbed` takes it
 * (or, as a rescue, a level that nobody ordered) into use, `level_dropped` drops it. The level that was climbed to only rises, the proven
 * level only rises by `level_proven`, and both fall by `level_allowed` alone.
 *
 * @param state undefined before the first join
 * @param event what happened
 * @throws agent.out_of_order
 */
export function nextState(state: AgentState | undefined, event: SettingsEvent): AgentState {
  const next = state === undefined ? begin(event) : moved(state, event);
  if (next !== undefined) return next;
  throw new TautlineError("agent.out_of_order", {
    detail: { event: event.kind, state: state?.state ?? "not joined" },
  });
}

function begin(event: SettingsEvent): AgentState | undefined {
  if (event.kind !== "began") return undefined;
  const { agentId, name, keys, ticket } = event;
  return { state: "joining", agentId, name, keys, ticket };
}

function moved(state: AgentState, event: SettingsEvent): AgentState | undefined {
  if (state.state === "joining") return fromJoining(state, event);
  if (state.state === "candidate") return fromCandidate(state, event);
  return fromCommitted(state, event);
}

function fromJoining(state: JoiningState, event: SettingsEvent): AgentState | undefined {
  if (event.kind === "told") return { ...state, decision: event.decision };
  const { decision: _, ...undecided } = state;
  if (event.kind === "given_token") {
    return { ...undecided, name: event.name, ticket: event.ticket };
  }
  if (event.kind !== "granted") return undefined;
  const { name, identity, renewAtMs } = event;
  return { ...undecided, state: "candidate", name, identity, renewAtMs };
}

function fromCandidate(state: CandidateState, event: SettingsEvent): AgentState | undefined {
  const { agentId, name, keys, ticket, identity } = state;
  const known = { agentId, name, keys };
  if (event.kind === "lapsed") return { state: "joining", ...known, ticket };
  if (event.kind === "proven") {
    const renewal = { counter: 0n, askedCounter: 0n, made: 0, renewAtMs: state.renewAtMs };
    return { state: "committed", ...known, identity, last: noneYet(identity), renewal };
  }
  if (event.kind !== "given_token") return undefined;
  return { state: "joining", ...known, name: event.name, ticket: event.ticket };
}

function fromCommitted(state: CommittedState, event: SettingsEvent): AgentState | undefined {
  if (event.kind === "addresses_offered") {
    const { epoch, seq, addresses } = event;
    return { ...state, last: { ...state.last, epoch, seq }, move: { addresses, epoch, seq } };
  }
  if (event.kind === "addresses_proven" || event.kind === "addresses_failed") {
    return afterMove(state, event.kind === "addresses_proven");
  }
  if (event.kind !== "instructed") return climbing(state, event) ?? renewed(state, event);
  const { epoch, seq, configHash, settings } = event;
  return { ...state, last: { epoch, seq, configHash, settings } };
}

function afterMove(state: CommittedState, isProven: boolean): CommittedState | undefined {
  const { move, ...rest } = state;
  if (move === undefined) return undefined;
  if (!isProven) return rest;
  const { climbed } = state;
  // Those that came with a level are older news of the same.
  const kept = climbed && { climbed: { ...climbed, addresses: [] } };
  return { ...rest, ...kept, identity: { ...state.identity, addresses: move.addresses } };
}

function climbing(state: CommittedState, event: SettingsEvent): CommittedState | undefined {
  if (event.kind === "level_proven") {
    const higher = higherLevel(state.provenLevel, event.level);
    return higher && { ...state, provenLevel: higher };
  }
  if (event.kind === "level_ordered") {
    const { epoch, seq, level, addresses } = event;
    const levelMove = { level, addresses, epoch, seq };
    return { ...state, last: { ...state.last, epoch, seq }, levelMove };
  }
  const { levelMove, climbed, ...rest } = state;
  if (event.kind === "level_allowed") {
    // Who allows a lower level here takes back what was climbed above it.
    const kept = climbed && !isLower(event.level, climbed.level) && { climbed };
    return { ...rest, ...kept, provenLevel: event.level };
  }
  if (event.kind === "level_dropped") {
    return levelMove && { ...rest, ...(climbed && { climbed }) };
  }
  if (event.kind !== "level_climbed") return undefined;
  const { level, addresses, by } = event;
  if (higherLevel(climbed?.level, level) === undefined) return undefined;
  const pending = levelMove !== undefined && isLower(level, levelMove.level) && { levelMove };
  return { ...rest, ...pending, climbed: { level, addresses, by } };
}

function renewed(state: CommittedState, event: SettingsEvent): AgentState | undefined {
  const { next, ...progress } = state.renewal;
  if (event.kind === "renewal_began") {
    if (next !== undefined) return undefined;
    const counter = progress.askedCounter + 1n;
    const begun = { ...progress, askedCounter: counter, next: { counter, keys: event.keys } };
    return { ...state, renewal: begun };
  }
  if (next === undefined) return undefined;
  if (event.kind === "renewal_failed") return { ...state, renewal: progress };
  if (event.kind === "renewal_granted" && next.granted === undefined) {
    const { identity, renewAtMs } = event;
    return {
      ...state,
      renewal: { ...progress, next: { ...next, granted: { identity, renewAtMs } } },
    };
  }
  if (next.granted === undefined) return undefined;
  if (event.kind === "renewal_lapsed") {
    const { counter, keys } = next;
    return { ...state, renewal: { ...progress, next: { counter, keys } } };
  }
  if (event.kind !== "renewal_proven") return undefined;
  const { renewAtMs } = next.granted;
  // Central may have moved since it was granted.
  const identity = { ...next.granted.identity, addresses: state.identity.addresses };
  const { askedCounter, made } = progress;
  const renewal = { counter: next.counter, askedCounter, made: made + 1, renewAtMs };
  return { ...state, keys: next.keys, identity, renewal };
}

function noneYet(identity: AgentIdentity): CommittedState["last"] {
  return {
    epoch: identity.signerEpoch,
    seq: 0n,
    configHash: undefined,
    settings: DEFAULT_AGENT_SETTINGS,
  };
}
