import { formatAgentSettings, LEVELS, parseAgentSettings } from "@tautline/protocol";
import { z } from "zod";
import type { AgentState, CommittedState, Renewal } from "./agent-state.ts";

const text = z.string().max(1_048_576);
const hex = z.string().regex(/^[0-9a-f]{0,128}$/);

const ticket = z.strictObject({
  addresses: z.array(text).max(16).readonly(),
  pins: z.array(text).max(8).readonly(),
  trustDomain: text,
  namespace: text,
  tokenId: text,
});

const identity = z.strictObject({
  namespace: text,
  trustDomain: text,
  clientChainPem: text,
  serverChainPem: text,
  rootsPem: text,
  instructorKeyPem: text,
  signerEpoch: z.int().min(0),
  addresses: z.array(text).max(16).readonly(),
  offerHash: hex,
});

const last = z.strictObject({
  epoch: z.int().min(0),
  seq: z.string().regex(/^(0|[1-9][0-9]{0,19})$/),
  configHash: hex.optional(),
  settings: text,
});

const move = z.strictObject({
  addresses: z.array(text).max(16).readonly(),
  epoch: z.int().min(0),
  seq: z.string().regex(/^(0|[1-9][0-9]{0,19})$/),
});

const levelMove = move.extend({ level: z.enum(LEVELS) });

const climbed = z.strictObject({
  level: z.enum(LEVELS),
  addresses: z.array(text).max(17).readonly(),
  by: z.enum(["instruction", "rescue"]),
});

const counter = z.string().regex(/^(0|[1-9][0-9]{0,19})$/);
const time = z.int().min(0);

const renewal = z.strictObject({
  counter,
  askedCounter: counter,
  made: z.int().min(0),
  renewAtMs: time,
  next: z
    .strictObject({
      counter,
      granted: z.strictObject({ identity, renewAtMs: time }).optional(),
    })
    .optional(),
});

/** What a file says that was written before identities were renewed: it is due. */
const NEVER_RENEWED = { counter: "0", askedCounter: "0", made: 0, renewAtMs: 0 };

const known = { agentId: text, name: text };

const decision = z.strictObject({
  answer: z.enum(["pending", "declined"]),
  code: z.string().max(64),
  sinceMs: time,
});

/** What settings.json says in clear: who the agent is, with which certificates, and how far it has come. */
const openPart = z.discriminatedUnion("state", [
  z.strictObject({
    state: z.literal("joining"),
    ...known,
    ticket,
    decision: decision.optional(),
  }),
  z.strictObject({
    state: z.literal("candidate"),
    ...known,
    ticket,
    identity,
    renewAtMs: time.optional(),
  }),
  z.strictObject({
    state: z.literal("committed"),
    ...known,
    identity,
    last,
    renewal: renewal.optional(),
    move: move.optional(),
    levelMove: levelMove.optional(),
    climbed: climbed.optional(),
    provenLevel: z.enum(LEVELS).optional(),
  }),
]);

/** The secrets of settings.json, each sealed on its own. */
const sealedPart = z.strictObject({
  clientKey: text,
  serverKey: text,
  ticketSecret: text.optional(),
  nextClientKey: text.optional(),
  nextServerKey: text.optional(),
});

/** The file: `seal` is the sealed SHA-256 over both parts, so one changed bit anywhere is found (F12). */
export const settingsDocumentSchema = z.strictObject({
  format: z.literal(1),
  open: openPart,
  sealed: sealedPart,
  seal: text,
});

/** settings.json as it is parsed. */
export type SettingsDocument = z.output<typeof settingsDocumentSchema>;
/** What settings.json says in clear; without the vault nothing proves that it is unchanged. */
export type OpenSettings = SettingsDocument["open"];

/** The secrets of a state in clear; in memory only. */
export interface SettingsSecrets {
  readonly clientKey: string;
  readonly serverKey: string;
  readonly ticketSecret: string | undefined;
  readonly nextClientKey: string | undefined;
  readonly nextServerKey: string | undefined;
}

/**
 * Parts a state into what may stand in clear and what must be sealed.
 *
 * @param state any state
 */
export function splitState(state: AgentState): { open: OpenSettings; secrets: SettingsSecrets } {
  const next = state.state === "committed" ? state.renewal.next : undefined;
  const secrets = {
    clientKey: state.keys.client,
    serverKey: state.keys.server,
    ticketSecret: state.state === "committed" ? undefined : state.ticket.secret,
    nextClientKey: next?.keys.client,
    nextServerKey: next?.keys.server,
  };
  return { open: openOf(state), secrets };
}

/**
 * Puts a state together again.
 *
 * @param open the part in clear
 * @param secrets the opened secrets
 * @throws value.agent_settings if the kept settings are not settings
 */
export function joinState(open: OpenSettings, secrets: SettingsSecrets): AgentState {
  const { agentId, name } = open;
  const keys = { client: secrets.clientKey, server: secrets.serverKey };
  if (open.state === "committed") {
    const { seq, settings, configHash, epoch } = open.last;
    const last = { epoch, seq: BigInt(seq), configHash, settings: parseAgentSettings(settings) };
    const renewal = joinRenewal(open.renewal ?? NEVER_RENEWED, secrets);
    const pending = open.move && { move: { ...open.move, seq: BigInt(open.move.seq) } };
    const levels = joinLevels(open);
    const { state, identity: inUse } = open;
    return { state, agentId, name, keys, identity: inUse, last, renewal, ...pending, ...levels };
  }
  const ticket = { ...open.ticket, secret: secrets.ticketSecret ?? "" };
  if (open.state === "joining") {
    const decided = open.decision === undefined ? {} : { decision: open.decision };
    return { state: open.state, agentId, name, keys, ticket, ...decided };
  }
  const { identity: candidate, renewAtMs = 0 } = open;
  return { state: open.state, agentId, name, keys, ticket, identity: candidate, renewAtMs };
}

type Levels = Pick<CommittedState, "levelMove" | "climbed" | "provenLevel">;

function joinLevels({
  levelMove: ordered,
  climbed: reached,
  provenLevel,
}: Extract<OpenSettings, { state: "committed" }>): Levels {
  return {
    ...(ordered && { levelMove: { ...ordered, seq: BigInt(ordered.seq) } }),
    ...(reached && { climbed: reached }),
    ...(provenLevel && { provenLevel }),
  };
}

function joinRenewal(open: z.output<typeof renewal>, secrets: SettingsSecrets): Renewal {
  const { made, renewAtMs, next } = open;
  const numbers = { counter: BigInt(open.counter), askedCounter: BigInt(open.askedCounter) };
  const progress = { ...numbers, made, renewAtMs };
  if (next === undefined) return progress;
  const keys = { client: secrets.nextClientKey ?? "", server: secrets.nextServerKey ?? "" };
  const granted = next.granted === undefined ? {} : { granted: next.granted };
  return { ...progress, next: { counter: BigInt(next.counter), keys, ...granted } };
}

function openRenewal({
  counter: inUse,
  askedCounter,
  made,
  renewAtMs,
  next,
}: Renewal): z.output<typeof renewal> {
  const numbers = { counter: inUse.toString(), askedCounter: askedCounter.toString() };
  const progress = { ...numbers, made, renewAtMs };
  if (next === undefined) return progress;
  const granted = next.granted === undefined ? {} : { granted: next.granted };
  return { ...progress, next: { counter: next.counter.toString(), ...granted } };
}

function openLevels({
  levelMove: ordered,
  climbed: reached,
  provenLevel,
}: Levels): Pick<Extract<OpenSettings, { state: "committed" }>, keyof Levels> {
  return {
    ...(ordered && { levelMove: { ...ordered, seq: ordered.seq.toString() } }),
    ...(reached && { climbed: reached }),
    ...(provenLevel && { provenLevel }),
  };
}

function openOf(state: AgentState): OpenSettings {
  const { agentId, name } = state;
  if (state.state === "committed") {
    const { epoch, seq, configHash, settings } = state.last;
    return {
      state: state.state,
      agentId,
      name,
      identity: state.identity,
      last: {
        epoch,
        seq: seq.toString(),
        ...(configHash === undefined ? {} : { configHash }),
        settings: formatAgentSettings(settings),
      },
      renewal: openRenewal(state.renewal),
      ...(state.move && { move: { ...state.move, seq: state.move.seq.toString() } }),
      ...openLevels(state),
    };
  }
  const { secret: _, ...ticket } = state.ticket;
  if (state.state === "joining") {
    const decided = state.decision === undefined ? {} : { decision: state.decision };
    return { state: state.state, agentId, name, ticket, ...decided };
  }
  const { identity: candidate, renewAtMs } = state;
  return { state: state.state, agentId, name, ticket, identity: candidate, renewAtMs };
}
