import { TautlineError } from "./error.ts";
import type { Instruction } from "./instruction.ts";
import { LIMITS } from "./limits.ts";
import { formatTimestamp } from "./timestamp.ts";

/** What an agent knows when an instruction arrives. */
export interface InstructionState {
  readonly agentId: string;
  readonly namespace: string;
  /** Epoch of the instructor key that the agent trusts. */
  readonly knownEpoch: number;
  /** Epoch and number of the last instruction carried out; 0 and 0n before the first. */
  readonly lastEpoch: number;
  readonly lastSeq: bigint;
  readonly nowMs: number;
  /** What the agent's local settings let central do. */
  readonly allowedKinds: ReadonlySet<string>;
}

/** Whether to carry an instruction out, and if not, why. */
export type InstructionJudgement =
  | { readonly accept: true }
  | { readonly accept: false; readonly error: TautlineError };

type Rule = (instruction: Instruction, state: InstructionState) => TautlineError | undefined;

/** In this order: whose it is, who may sign it, whether it is new, whether it is timely, what it asks for. */
const RULES: readonly Rule[] = [
  refuseForeign,
  refuseOtherEpoch,
  refuseReplayed,
  refuseUntimely,
  refuseForbiddenKind,
];

/**
 * Judges an instruction whose signature is already verified (threat A4). Pure.
 *
 * Both ends of its life are stretched by the clock tolerance; what keeps it from running twice is its number, not its time.
 *
 * @param instruction as decoded from the verified bytes
 * @param state what the agent knows
 * @returns a refusal carries instruction.not_for_this_agent, .wrong_epoch, .replayed, .from_the_future, .expired or
 *   .kind_not_allowed
 */
export function judgeInstruction(
  instruction: Instruction,
  state: InstructionState,
): InstructionJudgement {
  for (const rule of RULES) {
    const error = rule(instruction, state);
    if (error !== undefined) return { accept: false, error };
  }
  return { accept: true };
}

function refuseForeign(i: Instruction, state: InstructionState): TautlineError | undefined {
  if (i.agentId === state.agentId && i.namespace === state.namespace) return undefined;
  return new TautlineError("instruction.not_for_this_agent");
}

function refuseOtherEpoch(i: Instruction, state: InstructionState): TautlineError | undefined {
  if (i.signerEpoch === state.knownEpoch) return undefined;
  const detail = { epoch: i.signerEpoch, known: state.knownEpoch };
  return new TautlineError("instruction.wrong_epoch", { detail });
}

function refuseReplayed(i: Instruction, state: InstructionState): TautlineError | undefined {
  const isNewer =
    i.signerEpoch > state.lastEpoch || (i.signerEpoch === state.lastEpoch && i.seq > state.lastSeq);
  if (isNewer) return undefined;
  const detail = {
    epoch: i.signerEpoch,
    seq: String(i.seq),
    lastEpoch: state.lastEpoch,
    lastSeq: String(state.lastSeq),
  };
  return new TautlineError("instruction.replayed", { detail });
}

function refuseUntimely(i: Instruction, state: InstructionState): TautlineError | undefined {
  const toleranceMs = LIMITS.clockToleranceMs.value;
  if (i.createdMs > state.nowMs + toleranceMs) {
    const detail = { created: formatTimestamp(i.createdMs) };
    return new TautlineError("instruction.from_the_future", { detail });
  }
  if (i.expiresMs < state.nowMs - toleranceMs) {
    const detail = { expires: formatTimestamp(i.expiresMs) };
    return new TautlineError("instruction.expired", { detail });
  }
  return undefined;
}

function refuseForbiddenKind(i: Instruction, state: InstructionState): TautlineError | undefined {
  if (state.allowedKinds.has(i.kind)) return undefined;
  return new TautlineError("instruction.kind_not_allowed", { detail: { kind: i.kind } });
}
