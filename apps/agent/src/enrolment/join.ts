import { createBackoff } from "@tautline/link";
import { planRenewal, TautlineError, toTautlineError } from "@tautline/protocol";
import { wait, type Clock } from "../clock.ts";
import type { AgentControl } from "../control/agent-control.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type {
  AgentIdentity,
  AgentKeys,
  AgentState,
  CommittedState,
  JoinDecision,
  JoiningState,
  JoinTicket,
} from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import { checkGrant, type GrantParts } from "./grant-check.ts";
import { endOf, lifeOf } from "./identity-life.ts";
import { readJoinAnswer } from "./join-answer.ts";
import { shouldRetryJoin } from "./join-retry.ts";
import { nextJoinStep, type JoinStep } from "./join-rule.ts";
import { isSameCentral } from "./join-ticket.ts";
import { ownCode } from "./own-code.ts";

/** What a join needs; everything that touches the network or chance comes in. */
export interface JoinOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  /** The token given now, if one was. */
  readonly ticket: JoinTicket | undefined;
  /** The label to join with. */
  readonly name: string;
  readonly makeId: () => string;
  readonly makeKeys: () => AgentKeys;
  /** Asks one address for an identity. */
  readonly ask: (address: string, state: JoiningState) => Promise<GrantParts>;
  /** Makes the control link of the candidate; its first answer commits. */
  readonly control: (onConnected: () => void) => Pick<AgentControl, "status" | "run">;
  /** Rounds through all addresses before it gives up; none are counted while it waits for approval. */
  readonly maxRounds: number;
  /** Where an operator decides: wait for it, or stop and leave it to a later call. */
  readonly mayWait: boolean;
  /** Told once, the first time that central says that an operator decides. */
  readonly onWaiting: (agentId: string, decision: JoinDecision) => void;
  readonly clock: Clock;
  /** Plans renewals: central's time as far as it is known. */
  readonly centralNow: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onProblem: (error: TautlineError) => void;
}

/**
 * Joins, or goes on with a join from wherever it stands, until the identity is proven (DESIGN "Enrolment"; F3).
 *
 * Each step ends in one durable write, so that a crash between any two is resumed by calling this again, with the same token
 * or with none. Where an operator is to approve, it asks again as often as central says.
 *
 * @throws agent.approval_waiting, agent.token_missing, agent.already_joined, agent.grant_refused, agent.refused, link.* codes; the state stays resumable
 */
export async function join(options: JoinOptions): Promise<CommittedState> {
  for (;;) {
    const { state } = options.store;
    const step = nextJoinStep({
      state,
      ticket: options.ticket,
      isSameCentral: isForSameCentral(state, options.ticket),
      isLapsed: state?.state === "candidate" && isLapsed(state.identity, options.centralNow()),
    });
    if (step === "done" && state?.state === "committed") return state;
    await take(step, options);
  }
}

async function take(step: JoinStep, options: JoinOptions): Promise<void> {
  const { store, ticket, name } = options;
  switch (step) {
    case "begin":
      store.apply({
        kind: "began",
        agentId: options.makeId(),
        name,
        keys: options.makeKeys(),
        ticket: given(ticket),
      });
      return;
    case "take_token":
      store.apply({ kind: "given_token", ticket: given(ticket), name });
      return;
    case "lapse":
      store.apply({ kind: "lapsed" });
      return;
    case "ask":
      return ask(options);
    case "prove":
      return prove(options);
    case "done":
      return;
  }
}

async function ask(options: JoinOptions): Promise<void> {
  const { store, audit, clock, signal, maxRounds, random } = options;
  const backoff = createBackoff({ random });
  let isTold = false;
  for (let round = 1; ; round += 1) {
    const state = joining(store.state);
    const outcome = await askEveryAddress(state, options);
    if ("identity" in outcome) {
      const { identity, name, renewAtMs } = outcome;
      const { namespace, trustDomain } = identity;
      audit.append("enrolment.granted", { agentId: state.agentId, namespace, trustDomain });
      store.apply({ kind: "granted", identity, name, renewAtMs });
      return;
    }
    const { error, isHopeless } = outcome;
    const answer = readJoinAnswer(error);
    if (answer.kind !== "failed") note(answer.kind, options);
    if (answer.kind === "pending" && !isTold) tellWaiting(options);
    isTold ||= answer.kind === "pending";
    const waits = joining(store.state).decision?.answer === "pending";
    const mayGoOn = waits && !isHopeless ? options.mayWait : !isHopeless && round < maxRounds;
    if (signal.aborted || !mayGoOn) throw waits ? stillWaiting(store.state, error) : error;
    // Candidates that were told the same at once do not all come back at once.
    const asked = answer.kind === "pending" ? answer.waitMs * (1 + random() / 5) : backoff.next();
    await wait(clock, asked, signal);
  }
}

/** One durable write where it is news: `agent status` says it, and a later call knows that it waits. */
function note(answer: JoinDecision["answer"], options: JoinOptions): void {
  const { store, audit, clock } = options;
  const { agentId, keys, decision } = joining(store.state);
  if (decision?.answer === answer) return;
  const told = { answer, code: ownCode(keys), sinceMs: clock.now() };
  audit.append(`enrolment.${answer}`, { agentId, code: told.code });
  store.apply({ kind: "told", decision: told });
}

function tellWaiting({ store, onWaiting }: JoinOptions): void {
  const { agentId, decision } = joining(store.state);
  if (decision !== undefined) onWaiting(agentId, decision);
}

/** Whoever stops to wait, by wish or by a signal, has lost nothing; what is hopeless is told as it is. */
function stillWaiting(state: AgentState | undefined, error: TautlineError): TautlineError {
  const { agentId: id, decision } = joining(state);
  const isOver = readJoinAnswer(error).kind === "failed" && !shouldRetryJoin(error);
  if (decision === undefined || isOver) return error;
  const detail = { id, code: decision.code };
  return new TautlineError("agent.approval_waiting", { cause: error, detail });
}

type AskOutcome =
  | { readonly identity: AgentIdentity; readonly name: string; readonly renewAtMs: number }
  | { readonly error: TautlineError; readonly isHopeless: boolean };

/** One round; a refusal says more than a silence, so it is what is told. */
async function askEveryAddress(state: JoiningState, options: JoinOptions): Promise<AskOutcome> {
  const failures: TautlineError[] = [];
  for (const address of state.ticket.addresses) {
    try {
      const parts = await options.ask(address, state);
      const nowMs = options.clock.now();
      const { identity, name } = checkGrant(parts, state, nowMs);
      const renewAtMs = planRenewal(lifeOf(identity, options.centralNow()), options.random);
      return { identity, name, renewAtMs };
    } catch (error) {
      const ours = toTautlineError(error);
      failures.push(ours);
      if (options.signal.aborted) break;
      // The proven central has judged the token: the other addresses lead to the same judgement.
      const isPending = readJoinAnswer(ours).kind === "pending";
      if (!isPending) options.onProblem(ours);
      if (isPending || ours.code === "agent.refused") break;
    }
  }
  const final =
    failures.find((error) => readJoinAnswer(error).kind === "pending") ??
    failures.findLast((error) => !shouldRetryJoin(error)) ??
    failures.at(-1);
  return {
    error: final ?? new TautlineError("agent.token_missing"),
    isHopeless: !failures.some(shouldRetryJoin),
  };
}

async function prove(options: JoinOptions): Promise<void> {
  const connected = new AbortController();
  const signal = AbortSignal.any([connected.signal, options.signal]);
  const control = options.control(() => connected.abort());
  const error = await control.run(signal, options.maxRounds);
  if (options.store.state?.state === "committed") return;
  throw error ?? new TautlineError("link.cancelled", { detail: { address: "central" } });
}

function isForSameCentral(state: AgentState | undefined, ticket: JoinTicket | undefined): boolean {
  return (
    state?.state === "committed" && ticket !== undefined && isSameCentral(ticket, state.identity)
  );
}

function isLapsed(identity: AgentIdentity, nowMs: number): boolean {
  return endOf(identity) <= nowMs;
}

function joining(state: AgentState | undefined): JoiningState {
  if (state?.state === "joining") return state;
  throw new TautlineError("agent.out_of_order", {
    detail: { event: "ask", state: state?.state ?? "not joined" },
  });
}

function given(ticket: JoinTicket | undefined): JoinTicket {
  if (ticket !== undefined) return ticket;
  throw new TautlineError("agent.token_missing");
}
