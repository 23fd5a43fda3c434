import { DEFAULT_AGENT_SETTINGS, TautlineError, type AgentSettings } from "@tautline/protocol";
import type {
  AgentIdentity,
  AgentKeys,
  AgentState,
  CandidateState,
  CommittedState,
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
  | { readonly kind: "granted"; readonly identity: AgentIdentity; readonly name: string }
  /** The candidate's certificate ran out before it could be proven; it is asked for again. */
  | { readonly kind: "lapsed" }
  /** The first message under the candidate was answered. */
  | { readonly kind: "proven" }
  | {
      readonly kind: "instructed";
      readonly epoch: number;
      readonly seq: bigint;
      readonly configHash: string;
      readonly settings: AgentSettings;
    };

/**
 * The one rule of how the agent's state moves; every other pair is refused (F3: a crash leaves one of these states).
 *
 * none --began--> joining --granted--> candidate --proven--> committed --instructed--> committed;
 * candidate goes back to joining by `given_token` or `lapsed`, committed never goes back.
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
  if (event.kind === "given_token") return { ...state, name: event.name, ticket: event.ticket };
  if (event.kind !== "granted") return undefined;
  return { ...state, state: "candidate", name: event.name, identity: event.identity };
}

function fromCandidate(state: CandidateState, event: SettingsEvent): AgentState | undefined {
  const { agentId, name, keys, ticket, identity } = state;
  const known = { agentId, name, keys };
  if (event.kind === "lapsed") return { state: "joining", ...known, ticket };
  if (event.kind === "proven") {
    return { state: "committed", ...known, identity, last: noneYet(identity) };
  }
  if (event.kind !== "given_token") return undefined;
  return { state: "joining", ...known, name: event.name, ticket: event.ticket };
}

function fromCommitted(state: CommittedState, event: SettingsEvent): AgentState | undefined {
  if (event.kind !== "instructed") return undefined;
  const { epoch, seq, configHash, settings } = event;
  return { ...state, last: { epoch, seq, configHash, settings } };
}

function noneYet(identity: AgentIdentity): CommittedState["last"] {
  return {
    epoch: identity.signerEpoch,
    seq: 0n,
    configHash: undefined,
    settings: DEFAULT_AGENT_SETTINGS,
  };
}
