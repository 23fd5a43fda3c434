import { openSignedInstruction } from "@tautline/pki";
import {
  judgeInstruction,
  requireClimb,
  TautlineError,
  toHex,
  toTautlineError,
  type AgentSettings,
  type Instruction,
  type InstructionReceipt,
  type Level,
} from "@tautline/protocol";
import type { Order as AnyOrder } from "../control/session.ts";
import type { CommittedState } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import type { LocalAudit } from "./local-audit.ts";
import type { ReportAllowance } from "../report-allowance.ts";
import { readAddressesInstruction } from "./addresses-instruction.ts";
import { readLevelInstruction } from "./level-instruction.ts";
import { readSettingsInstruction } from "./settings-instruction.ts";

const MAX_HASH_BYTES = 64;

/** A word that only a signature makes an order; an identity that this agent asked for is none, nor is what it is shown. */
export type Order = Exclude<AnyOrder, { kind: "grant" | "audit" | "certificate" | "promotion" }>;

/** What came of one order. */
export type Outcome =
  | {
      readonly carriedOut: true;
      readonly receipt: InstructionReceipt;
      readonly settings: AgentSettings;
      readonly configHash: Uint8Array;
    }
  /** Accepted and on the disk; how it ends is told when it has ended. */
  | { readonly carriedOut: true; readonly begins: "move" | "climb" }
  | {
      readonly carriedOut: false;
      readonly receipt: InstructionReceipt;
      readonly error: TautlineError;
      /** Hash of the refused configuration offer, if there was one that is not the one in force. */
      readonly refusedHash: Uint8Array | undefined;
    };

/** The one door through which central can change this agent (DESIGN "Control"; A4, A9, A10, F16). */
export interface InstructionGate {
  /** Judges one order, records it, carries it out or not. Never throws: what fails is an outcome. */
  receive(order: Order): Outcome;
}

/** What the gate judges by, and where it writes. */
export interface InstructionGateOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  readonly allowance: ReportAllowance;
  /** Local limit that nothing remote can widen. */
  readonly allowedKinds: ReadonlySet<string>;
  /** Local limits of what central may set on this host; none can be widened from afar. @throws the refusal */
  readonly requireAllowed: (settings: AgentSettings) => void;
  /** The local settings say where central is, so central does not. */
  readonly hasLocalAddresses: boolean;
  /** The level that every link is dialled at now. */
  readonly level: () => Level;
  readonly now: () => number;
}

/** Makes the gate of a committed agent. */
export function createInstructionGate(options: InstructionGateOptions): InstructionGate {
  return {
    receive(order) {
      const seen: { instruction?: Instruction } = {};
      try {
        return carryOut(order, seen, options);
      } catch (error) {
        return refuse(order, seen.instruction, toTautlineError(error), options);
      }
    },
  };
}

function carryOut(
  order: Order,
  seen: { instruction?: Instruction },
  options: InstructionGateOptions,
): Outcome {
  const { store, audit, allowedKinds, now } = options;
  const state = committed(store);
  const { envelope, remoteConfig } = signedPart(order);
  const { instructorKeyPem } = state.identity;
  const { instruction, subject } = openSignedInstruction(envelope, instructorKeyPem);
  seen.instruction = instruction;
  const verdict = judgeInstruction(instruction, {
    agentId: state.agentId,
    namespace: state.identity.namespace,
    knownEpoch: state.identity.signerEpoch,
    lastEpoch: state.last.epoch,
    lastSeq: state.last.seq,
    nowMs: now(),
    allowedKinds,
  });
  if (!verdict.accept) throw verdict.error;
  const { signerEpoch: epoch, seq, digest, kind } = instruction;
  if (kind === "addresses" || kind === "level") return begin(kind, instruction, subject, options);
  const settings = readSettingsInstruction(instruction, remoteConfig);
  options.requireAllowed(settings);
  // Recorded before it is done: if the record cannot be written, nothing is done.
  audit.append("instruction.accepted", { ...describe(instruction), ...forwardsOf(settings) });
  store.apply({ kind: "instructed", epoch, seq, configHash: toHex(digest), settings });
  const receipt = { signerEpoch: epoch, seq, code: "", text: "" };
  return { carriedOut: true, receipt, settings, configHash: digest };
}

/** What is taken into use only when central has answered there: for now it is written down. */
function begin(
  kind: "addresses" | "level",
  instruction: Instruction,
  subject: Uint8Array | undefined,
  { store, audit, hasLocalAddresses, level: inUse }: InstructionGateOptions,
): Outcome {
  const { signerEpoch: epoch, seq } = instruction;
  if (kind === "level") {
    const { level, addresses } = readLevelInstruction(instruction, subject);
    requireClimb(level, inUse());
    audit.append("instruction.accepted", describe(instruction));
    store.apply({ kind: "level_ordered", epoch, seq, level, addresses });
    return { carriedOut: true, begins: "climb" };
  }
  const addresses = readAddressesInstruction(instruction, subject);
  if (hasLocalAddresses) throw new TautlineError("agent.addresses_local");
  audit.append("instruction.accepted", describe(instruction));
  store.apply({ kind: "addresses_offered", epoch, seq, addresses });
  return { carriedOut: true, begins: "move" };
}

function signedPart(
  order: Order,
): Extract<Order, { kind: "instruction" }> & { envelope: Uint8Array } {
  const { kind } = order;
  if (kind === "unsigned") throw unsigned(order.what);
  const { envelope } = order;
  if (envelope === undefined) throw unsigned("remote_config");
  return { ...order, envelope };
}

function unsigned(kind: string): TautlineError {
  return new TautlineError("instruction.unsigned", { detail: { kind } });
}

function refuse(
  order: Order,
  instruction: Instruction | undefined,
  error: TautlineError,
  { store, audit, allowance }: InstructionGateOptions,
): Outcome {
  const passedOver = allowance.take();
  let shown = error;
  if (passedOver !== undefined) {
    try {
      const body = { code: error.code, text: error.message, what: whatOf(order), passedOver };
      audit.append("instruction.refused", { ...body, ...describe(instruction) });
    } catch (auditError) {
      // The refusal stands; that it could not be recorded is the worse news.
      shown = toTautlineError(auditError);
    }
  }
  const receipt = {
    signerEpoch: instruction?.signerEpoch ?? 0,
    seq: instruction?.seq ?? 0n,
    code: error.code,
    text: error.message,
  };
  return { carriedOut: false, receipt, error: shown, refusedHash: refusedHash(order, store) };
}

function refusedHash(order: Order, { state }: SettingsStore): Uint8Array | undefined {
  if (order.kind === "unsigned" || order.remoteConfig === undefined) return undefined;
  const { configHash } = order.remoteConfig;
  const inForce = state?.state === "committed" ? state.last.configHash : undefined;
  // A replay of what is in force changes nothing, so the truth stays: applied. An endless hash is not echoed.
  if (configHash.length > MAX_HASH_BYTES || toHex(configHash) === inForce) return undefined;
  return configHash;
}

function describe(instruction: Instruction | undefined): Record<string, string | number> {
  if (instruction === undefined) return {};
  const { kind, namespace, agentId, signerEpoch, seq, digest } = instruction;
  return {
    kind,
    namespace,
    agentId,
    epoch: signerEpoch,
    seq: seq.toString(),
    digest: toHex(digest),
  };
}

/** What opens a port on this host is told by itself. */
function forwardsOf({ forwards = {} }: AgentSettings): Record<string, string> {
  const places = Object.entries(forwards).map(([name, listen]) => `${name} at ${listen}`);
  return places.length === 0 ? {} : { forwards: places.join(", ") };
}

function whatOf(order: Order): string {
  if (order.kind === "unsigned") return order.what;
  return order.remoteConfig === undefined ? "an envelope" : "remote_config";
}

function committed({ state }: SettingsStore): CommittedState {
  if (state?.state === "committed") return state;
  throw new TautlineError("agent.out_of_order", {
    detail: { event: "instructed", state: state?.state ?? "not joined" },
  });
}
