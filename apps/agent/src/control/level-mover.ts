import {
  isLower,
  TautlineError,
  toTautlineError,
  type InstructionReceipt,
  type Level,
} from "@tautline/protocol";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type { CommittedState, LevelMove } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import type { MoveStart } from "./address-mover.ts";

/** Of the reasons why a level could not be reached, so much is told. */
const MAX_REASON_CHARACTERS = 800;

/** What climbing needs of the agent around it. */
export interface LevelMoverOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  /** The level that every link is dialled at now. */
  readonly level: () => Level;
  /** Finds the shared key, at the levels that need one; throws agent.key_missing and the like where there is none. */
  readonly findKey: () => Promise<unknown>;
  /** Opens a second link at that level, at the first address where one can be proven, and goes over to it. */
  readonly climb: (move: LevelMove) => Promise<MoveStart>;
  /** Tells central how an instruction ended. */
  readonly tell: (receipt: InstructionReceipt) => void;
  readonly onProblem: (error: TautlineError) => void;
  readonly onClimbed: (state: CommittedState) => void;
}

/**
 * Takes a level above the one in use into use (DESIGN "Control", "Policy"): it is a candidate until central has answered a message at
 * it; until then the one in use stays in use, on the disk too. It never takes one below.
 */
export interface LevelMover {
  /** A level was ordered and is on the disk. */
  begin(): void;
  /**
   * The first message of a link was answered: before anything else is done over it, its level is taken into use if it is above.
   *
   * @param level that was dialled
   * @param address where
   * @throws what cannot be written; the link may then not be used
   */
  proven(level: Level, address: string): void;
  /** A message of any link was answered, and what that means for its level is done: an occasion to go on with what is pending. */
  answered(): void;
  /** It was not, or no link could be opened. */
  unanswered(level: Level, error: TautlineError): void;
}

/**
 * Makes the mover of an agent with an identity; a climb that a crash interrupted goes on with the next answered link.
 *
 * @param options the agent around it
 */
export function createLevelMover(options: LevelMoverOptions): LevelMover {
  return new Mover(options);
}

class Mover implements LevelMover {
  readonly #options: LevelMoverOptions;
  /** Number of the instruction whose level was tried by this process, and what came of it. */
  #tried: { readonly seq: bigint; reason: string } | undefined;
  /** A second link is being opened: what is answered over the first one meanwhile decides nothing. */
  #isTrying = false;
  /** Why the level in use was left, in the words of the last failure there. */
  #lastFailure = "no link to it came about";

  constructor(options: LevelMoverOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#look();
  }

  proven(level: Level, address: string): void {
    const state = this.#state();
    const from = this.#options.level();
    if (state === undefined || !isLower(from, level)) return;
    const move = state.levelMove;
    const isOrdered = move !== undefined && !isLower(level, move.level);
    const by = isOrdered ? "instruction" : "rescue";
    const addresses = [...new Set([address, ...(isOrdered ? move.addresses : [])])];
    this.#options.audit.append("level.climbed", { level, from, by, address });
    this.#climb({ level, addresses, by }, from);
    if (isOrdered) this.#tell(move);
  }

  answered(): void {
    this.#look();
  }

  unanswered(level: Level, error: TautlineError): void {
    if (level === this.#options.level()) this.#lastFailure = error.message;
    const move = this.#state()?.levelMove;
    if (this.#tried !== undefined && move?.seq === this.#tried.seq && move.level === level) {
      this.#tried.reason = error.message;
    }
  }

  #climb(climbed: Required<CommittedState>["climbed"], from: Level): void {
    const { store, onProblem, onClimbed } = this.#options;
    const { level } = climbed;
    store.apply({ kind: "level_climbed", ...climbed });
    if (climbed.by === "rescue") {
      const reason = this.#lastFailure.slice(0, MAX_REASON_CHARACTERS);
      onProblem(new TautlineError("agent.level_rescued", { detail: { level, from, reason } }));
    }
    const state = this.#state();
    if (state !== undefined) onClimbed(state);
  }

  #look(): void {
    const move = this.#state()?.levelMove;
    if (move === undefined || this.#isTrying) return;
    if (!isLower(this.#options.level(), move.level)) this.#drop(move);
    else if (this.#tried?.seq === move.seq) this.#fail(move, this.#tried.reason);
    else void this.#try(move);
  }

  async #try(move: LevelMove): Promise<void> {
    this.#tried = { seq: move.seq, reason: "central did not answer at it" };
    this.#isTrying = true;
    const start = await this.#start(move);
    this.#isTrying = false;
    // Meanwhile another instruction may have taken its place; where a link opened, its answer is the next occasion.
    if (this.#state()?.levelMove?.seq !== move.seq) {
      if (start !== "opened" && start !== "busy") this.#look();
      return;
    }
    if (start === "busy") this.#tried = undefined;
    else if (start !== "opened") this.#fail(move, start.message);
  }

  async #start(move: LevelMove): Promise<MoveStart> {
    const { findKey, climb } = this.#options;
    try {
      if (move.level === "basic" || move.level === "advanced") await findKey();
      return await climb(move);
    } catch (error) {
      return toTautlineError(error);
    }
  }

  /** The level is in use already: there is nothing to do but to say so. */
  #drop(move: LevelMove): void {
    const { store, onProblem } = this.#options;
    try {
      store.apply({ kind: "level_dropped" });
      this.#tell(move);
    } catch (error) {
      onProblem(toTautlineError(error));
    }
  }

  #fail(move: LevelMove, why: string): void {
    const { store, audit, onProblem } = this.#options;
    const { level } = move;
    const reason = why.slice(0, MAX_REASON_CHARACTERS);
    const error = new TautlineError("agent.level_unreachable", { detail: { level, reason } });
    try {
      audit.append("level.failed", { ...describe(move), reason });
      store.apply({ kind: "level_dropped" });
      this.#tell(move, error);
      onProblem(error);
    } catch (thrown) {
      // What cannot be written now stays to be done; the next answered link is the next occasion.
      onProblem(toTautlineError(thrown));
    }
  }

  #tell({ epoch, seq }: LevelMove, error?: TautlineError): void {
    this.#options.tell({
      signerEpoch: epoch,
      seq,
      code: error?.code ?? "",
      text: error?.message ?? "",
    });
  }

  #state(): CommittedState | undefined {
    const { state } = this.#options.store;
    return state?.state === "committed" ? state : undefined;
  }
}

function describe({ epoch, seq, level, addresses }: LevelMove): Record<string, string | number> {
  return { epoch, seq: seq.toString(), level, addresses: addresses.join(" ") };
}
