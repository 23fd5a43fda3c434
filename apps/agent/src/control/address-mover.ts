import { TautlineError, toTautlineError, type InstructionReceipt } from "@tautline/protocol";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type { AddressMove, CommittedState } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";

/** Of the reasons why new addresses failed, so much is told. */
const MAX_REASON_CHARACTERS = 800;

/** How a try to go over to other addresses began: a link is open there, it could not be tried now, or why none opened. */
export type MoveStart = "opened" | "busy" | TautlineError;

/** What moving needs of the agent around it. */
export interface AddressMoverOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  /** Opens a second link at the first of these addresses that can be proven, and goes over to it. */
  readonly moveTo: (addresses: readonly string[]) => Promise<MoveStart>;
  /** Tells central how an instruction ended. */
  readonly tell: (receipt: InstructionReceipt) => void;
  readonly onProblem: (error: TautlineError) => void;
  readonly onMoved: (state: CommittedState) => void;
}

/**
 * Takes new addresses of central into use (DESIGN "Control"): they are candidates until central, proven by the same root, has
 * answered a message at one of them; until then the ones in use stay in use, on the disk too.
 */
export interface AddressMover {
  /** New addresses were accepted and are on the disk. */
  begin(): void;
  /** The first message of a link was answered there. */
  answered(address: string): void;
  /** It was not. */
  unanswered(address: string, error: TautlineError): void;
}

/**
 * Makes the mover of a committed agent; a move that a crash interrupted goes on with the next answered link.
 *
 * @param options the agent around it
 */
export function createAddressMover(options: AddressMoverOptions): AddressMover {
  return new Mover(options);
}

class Mover implements AddressMover {
  readonly #options: AddressMoverOptions;
  #answeredAt: string | undefined;
  /** Number of the instruction whose addresses were tried by this process, and what came of it. */
  #tried: { readonly seq: bigint; reason: string } | undefined;

  constructor(options: AddressMoverOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#look();
  }

  answered(address: string): void {
    this.#answeredAt = address;
    this.#look();
  }

  unanswered(address: string, error: TautlineError): void {
    const move = this.#state()?.move;
    if (move?.seq === this.#tried?.seq && move?.addresses.includes(address) === true) {
      if (this.#tried !== undefined) this.#tried.reason = error.message;
    }
  }

  #look(): void {
    const state = this.#state();
    if (state?.move === undefined) return;
    const { move, identity } = state;
    // An address at which central has answered needs no further proof.
    const isProven = this.#answeredAt !== undefined && move.addresses.includes(this.#answeredAt);
    if (isProven || isSame(move.addresses, identity.addresses)) this.#commit(move);
    else if (this.#tried?.seq === move.seq) this.#fail(move, this.#tried.reason);
    else void this.#try(move);
  }

  async #try(move: AddressMove): Promise<void> {
    this.#tried = { seq: move.seq, reason: "central did not answer there" };
    const start = await this.#options.moveTo(move.addresses);
    // Meanwhile another instruction may have taken its place.
    if (this.#state()?.move?.seq !== move.seq) return;
    if (start === "busy") this.#tried = undefined;
    else if (start !== "opened") this.#fail(move, start.message);
  }

  #commit(move: AddressMove): void {
    const { store, audit, onMoved } = this.#options;
    this.#guarded(() => {
      audit.append("addresses.proven", describe(move));
      store.apply({ kind: "addresses_proven" });
      this.#tell(move);
      const state = this.#state();
      if (state !== undefined) onMoved(state);
    });
  }

  #fail(move: AddressMove, why: string): void {
    const { store, audit, onProblem } = this.#options;
    const reason = why.slice(0, MAX_REASON_CHARACTERS);
    const error = new TautlineError("agent.addresses_unreachable", { detail: { reason } });
    this.#guarded(() => {
      audit.append("addresses.failed", { ...describe(move), reason });
      store.apply({ kind: "addresses_failed" });
      this.#tell(move, error);
      onProblem(error);
    });
  }

  #tell({ epoch, seq }: AddressMove, error?: TautlineError): void {
    const receipt = {
      signerEpoch: epoch,
      seq,
      code: error?.code ?? "",
      text: error?.message ?? "",
    };
    this.#options.tell(receipt);
  }

  /** What cannot be written now stays to be done; the next answered link is the next occasion. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
  }

  #state(): CommittedState | undefined {
    const { state } = this.#options.store;
    return state?.state === "committed" ? state : undefined;
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each, at) => each === others[at]);
}

function describe({ epoch, seq, addresses }: AddressMove): Record<string, string | number> {
  return { epoch, seq: seq.toString(), addresses: addresses.join(" ") };
}
