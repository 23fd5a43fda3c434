import { isIPv4 } from "node:net";
import { openSignedInstruction, requireSubject } from "@tautline/pki";
import {
  decodeLevelOrder,
  isLevelRefusal,
  isLower,
  judgeInstruction,
  requireClimb,
  ROUNDS_BEFORE_RESCUE,
  toTautlineError,
  type TautlineError,
  type InstructionReceipt,
  type Level,
} from "@tautline/protocol";
import { parseLoopbackTarget, type LoopbackTarget } from "./loopback-target.ts";
import type { SimulatedIdentity } from "./simulated-identity.ts";
import type { SwarmWorld } from "./swarm-world.ts";

/** Kinds of signed instruction that a simulated agent carries out, and announces. */
export const OBEYED_KINDS: readonly string[] = ["level"];

/** What a later run needs to know of an agent's level. */
export interface SavedLevel {
  /** That it dials at. */
  readonly inUse: Level;
  /** Of the last instruction that was accepted; 0 and 0n before the first. */
  readonly epoch: number;
  readonly seq: bigint;
}

/** A level that was ordered, and where it may be heard. */
export interface LevelMove extends Pick<InstructionReceipt, "signerEpoch" | "seq"> {
  readonly level: Level;
  /** In the order to try. */
  readonly targets: readonly LoopbackTarget[];
}

/** The level of one simulated agent: it rises by a signed instruction or where the one in use is refused, and never falls (A24). */
export class LevelKeeper {
  readonly #world: SwarmWorld;
  #inUse: Level;
  #epoch: number;
  #seq: bigint;
  #rounds = 0;
  #isRescuing = false;
  /** Where the level in use was ordered to be heard; the swarm's own target else. */
  #target: LoopbackTarget | undefined;

  /**
   * @param world the swarm's
   * @param level to begin with
   * @param saved of an agent that is resumed
   */
  constructor(world: SwarmWorld, level: Level, saved?: SavedLevel) {
    this.#world = world;
    this.#inUse = saved?.inUse ?? level;
    this.#epoch = saved?.epoch ?? 0;
    this.#seq = saved?.seq ?? 0n;
  }

  /** What a later run needs. */
  get saved(): SavedLevel {
    return { inUse: this.#inUse, epoch: this.#epoch, seq: this.#seq };
  }

  get inUse(): Level {
    return this.#inUse;
  }

  /** At which level to open the next link: the one in use; by turns with mtls where that one was refused or not heard. */
  get forNextLink(): Level {
    return this.#isRescuing ? "mtls" : this.#inUse;
  }

  /**
   * Where a level is dialled.
   *
   * @param level the one in use, or one above
   */
  targetOf(level: Level): LoopbackTarget {
    if (level === this.#inUse && this.#target !== undefined) return this.#target;
    const { target, plaintextTarget = target } = this.#world;
    return level === "plaintext" ? plaintextTarget : target;
  }

  /**
   * Judges an instruction as an agent does; nothing is in use by it yet.
   *
   * @param envelope encoded SignedInstruction
   * @param identity whose instructor key it must be signed by
   * @returns the move to make, or what to tell central: that there is none to make, or the refusal
   */
  receive(envelope: Uint8Array, identity: SimulatedIdentity): LevelMove | InstructionReceipt {
    const named = { signerEpoch: 0, seq: 0n };
    try {
      const { instruction, subject } = openSignedInstruction(envelope, identity.instructorKeyPem);
      const { signerEpoch, seq } = instruction;
      Object.assign(named, { signerEpoch, seq });
      const verdict = judgeInstruction(instruction, {
        agentId: identity.id,
        namespace: identity.namespace,
        knownEpoch: identity.signerEpoch,
        lastEpoch: this.#epoch,
        lastSeq: this.#seq,
        nowMs: this.#world.now(),
        allowedKinds: new Set(OBEYED_KINDS),
      });
      if (!verdict.accept) throw verdict.error;
      const { level, addresses } = decodeLevelOrder(requireSubject(instruction, subject));
      requireClimb(level, this.#inUse);
      [this.#epoch, this.#seq] = [signerEpoch, seq];
      if (level === this.#inUse) return receiptOf(named);
      return { ...named, level, targets: this.#targetsOf(level, addresses) };
    } catch (error) {
      return receiptOf(named, toTautlineError(error));
    }
  }

  /**
   * The first message of a link was answered: its level is in use from now on, and in the ledger before what is said over it.
   *
   * @param agent its id
   * @param level of the link
   * @param target where
   */
  proven(agent: string, level: Level, target: LoopbackTarget): void {
    this.#rounds = 0;
    this.#isRescuing = false;
    if (!isLower(this.#inUse, level)) return;
    const { ledger, tally, now, onBroken } = this.#world;
    tally.climbed(this.#inUse, level);
    [this.#inUse, this.#target] = [level, target];
    ledger.append({ agent, level, atMs: now() }).catch(onBroken);
  }

  /**
   * A link ended unanswered, or was refused.
   *
   * @param error why
   */
  unanswered(error: TautlineError): void {
    this.#rounds += 1;
    const isDue = this.#rounds >= ROUNDS_BEFORE_RESCUE || isLevelRefusal(error);
    this.#isRescuing = !this.#isRescuing && isDue && isLower(this.#inUse, "mtls");
  }

  /** Of what central says only what is on this very host; the swarm's own target comes last. */
  #targetsOf(level: Level, addresses: readonly string[]): readonly LoopbackTarget[] {
    const own = this.targetOf(level);
    const told = addresses.filter(isLoopback).map(parseLoopbackTarget);
    const targets = new Map([...told, own].map((target) => [target.address, target]));
    return [...targets.values()];
  }
}

/**
 * What central is told of an instruction.
 *
 * @param instruction epoch and number; 0 and 0n where they could not be read
 * @param error why it was not carried out; left out where it was
 */
export function receiptOf(
  { signerEpoch, seq }: Pick<InstructionReceipt, "signerEpoch" | "seq">,
  error?: TautlineError,
): InstructionReceipt {
  return { signerEpoch, seq, code: error?.code ?? "", text: error?.message ?? "" };
}

/** Whether central's word names this host, as a written address; names are not looked up. */
function isLoopback(address: string): boolean {
  const host = address.replace(/:\d+$/, "");
  return host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}
