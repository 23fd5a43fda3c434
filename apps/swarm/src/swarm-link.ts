import { openWebSocket, provenOrClosed } from "@tautline/link";
import {
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  decodeFrame,
  encodeFrame,
  LIMITS,
  type InstructionReceipt,
  type Level,
  type ServerToAgent,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { WebSocket } from "ws";
import { dialAtLevel } from "./dial-level.ts";
import type { LoopbackTarget } from "./loopback-target.ts";
import { readServerWord, type ServerWord } from "./server-word.ts";
import type { SimulatedIdentity, SimulatedSelf } from "./simulated-identity.ts";
import {
  encodeReceipt,
  encodeRenewal,
  encodeStatus,
  statusHash,
  type MessageKind,
} from "./status-message.ts";
import { ANSWER_TIMEOUT_MS, HEARTBEAT_MS, OPAMP_PATH, type SwarmWorld } from "./swarm-world.ts";

const MAX_FRAME_BYTES = LIMITS.opampMessageBytes.value + 1;
const NORMAL_CLOSURE = 1000;
const CLOSE_TIMEOUT_MS = 2_000;
/** A swarm that is stopped waits so long for the answers that are under way. */
const LAST_ANSWER_MS = 5_000;

/** How one link ended. */
export interface SwarmLinkEnd {
  /** How long central had been answering; undefined if it never did. */
  readonly answeredForMs: number | undefined;
  /** Undefined if this end wanted it. */
  readonly error: TautlineError | undefined;
  readonly retryAfterMs: number;
}

/** The agent that a link belongs to. */
export interface LinkOwner {
  readonly identity: SimulatedIdentity;
  readonly level: Level;
  readonly target: LoopbackTarget;
  /** Counts on over all links of the agent. */
  readonly nextSequence: () => number;
  /** The first answer came. */
  readonly onConnected: () => void;
  /** The answer to a request for the next identity came; the link says nothing more until it is told to go on. */
  readonly onRenewal: (answer: ServerToAgent) => void;
  /** A signed instruction came: an encoded SignedInstruction. */
  readonly onInstruction: (envelope: Uint8Array) => void;
}

interface UnderWay {
  readonly sequence: number;
  readonly kind: MessageKind;
  readonly sentMs: number;
}

/**
 * Opens a link with a WebSocket to central at the owner's level, as an agent with an identity does.
 *
 * @param world the swarm's
 * @param owner whose link
 * @param signal gives up
 * @throws link.*
 */
export async function openSwarmLink(
  world: SwarmWorld,
  owner: LinkOwner,
  signal: AbortSignal,
): Promise<SwarmLink> {
  const { identity, level, target } = owner;
  const { address } = target;
  const path = OPAMP_PATH;
  const link = await dialAtLevel(world, { identity, level, target, signal });
  const proof = await provenOrClosed(link, { address, path, signal });
  const websocket = await openWebSocket({
    socket: link.socket,
    path,
    host: address,
    headers: { ...proof, "OpAMP-Instance-UID": identity.id },
    maxMessageBytes: MAX_FRAME_BYTES,
    signal,
  });
  return new SwarmLink(world, owner, websocket);
}

/** One link of one simulated agent: one message under way at a time, each status acknowledged only by way of the ledger. */
export class SwarmLink {
  /** Resolves when the link is over; never rejects. */
  readonly ended: Promise<SwarmLinkEnd>;
  /** Resolves with true at the first answer; never rejects. */
  readonly answered: Promise<true>;
  readonly #answer: (answered: true) => void;
  readonly #world: SwarmWorld;
  readonly #owner: LinkOwner;
  readonly #websocket: WebSocket;
  readonly #resolve: (end: SwarmLinkEnd) => void;
  #underWay: UnderWay | undefined;
  #answeredAtMs: number | undefined;
  #isBusy = false;
  #isLeaving = false;
  #isOver = false;
  /** What central is to be told of its instructions, as soon as nothing is under way. */
  readonly #receipts: InstructionReceipt[] = [];
  /** Somebody waits for this link to fall silent. */
  #held: (() => void) | undefined;
  /** The next identity to ask for, as soon as nothing is under way. */
  #wanted: SimulatedSelf | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;

  constructor(world: SwarmWorld, owner: LinkOwner, websocket: WebSocket) {
    this.#world = world;
    this.#owner = owner;
    this.#websocket = websocket;
    const { promise, resolve } = Promise.withResolvers<SwarmLinkEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    const first = Promise.withResolvers<true>();
    this.answered = first.promise;
    this.#answer = first.resolve;
    websocket.on("message", (data: Buffer) => this.#receive(data));
    websocket.on("pong", (data) => this.#onPong(data));
    websocket.on("close", (code) => this.#end(this.#closed(code)));
    this.#send("full");
  }

  /** That was dialled. */
  get level(): Level {
    return this.#owner.level;
  }

  /** Whom the link proves. */
  get identity(): SimulatedIdentity {
    return this.#owner.identity;
  }

  /** The pace has changed: plans the next message anew, at a moment of chance within it. */
  replan(): void {
    if (this.#isBusy || this.#isLeaving || this.#isOver) return;
    this.#plan((this.#world.pace.intervalMs ?? HEARTBEAT_MS) * this.#world.random());
  }

  /** Asks for the next identity, as soon as nothing is under way. */
  renew(next: SimulatedSelf): void {
    this.#wanted = next;
    if (this.#isBusy || this.#isLeaving || this.#isOver) return;
    clearTimeout(this.#next);
    this.#send("renewal");
  }

  /** Tells central what became of an instruction, as soon as nothing is under way. */
  tell(receipt: InstructionReceipt): void {
    this.#receipts.push(receipt);
    if (this.#isBusy || this.#isLeaving || this.#isOver) return;
    clearTimeout(this.#next);
    this.#send("receipt");
  }

  /** Resolves when nothing is under way; from then on the link says nothing until it is told to go on. */
  hold(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = resolve;
    if (!this.#isBusy && !this.#isOver) this.#beHeld();
    return promise;
  }

  /** What was to take over came to nothing: the link serves on. */
  goOn(): void {
    this.#isBusy = false;
    if (!this.#isLeaving && !this.#isOver && this.#receipts.length > 0) this.#send("receipt");
    else if (!this.#isLeaving && !this.#isOver) this.replan();
    else if (!this.#isOver) this.#sayGoodbye();
  }

  /** Another link of the same agent has taken over; nothing is said, for a goodbye would be the agent's. */
  retire(): void {
    this.#end(undefined);
    this.#websocket.close(NORMAL_CLOSURE);
  }

  /** Breaks the link without a word, as a lost network would. */
  cut(): void {
    this.#end(undefined);
    this.#websocket.terminate();
  }

  /** Waits for the answer that is under way, says goodbye and closes. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    // Nothing follows a goodbye: the answer to it would count as that of a status which central never read.
    clearTimeout(this.#next);
    if (this.#isBusy) this.#armDeadline(LAST_ANSWER_MS);
    else this.#sayGoodbye();
  }

  #send(kind: MessageKind): void {
    const { world, sequence } = { world: this.#world, sequence: this.#owner.nextSequence() };
    this.#isBusy = true;
    this.#underWay = { sequence, kind, sentMs: world.now() };
    if (kind === "full" || kind === "status") world.tally.sent();
    this.#armDeadline(ANSWER_TIMEOUT_MS);
    // A failed send shows as "close".
    this.#websocket.send(encodeFrame(this.#encode(sequence, kind)), () => {});
  }

  #encode(sequence: number, kind: MessageKind): Uint8Array {
    if (kind === "receipt") {
      const receipt = this.#receipts.shift();
      if (receipt === undefined) throw new TautlineError("internal.unexpected");
      return encodeReceipt(this.#owner.identity, sequence, receipt);
    }
    const wanted = this.#wanted;
    if (kind !== "renewal") return encodeStatus(this.#owner.identity, sequence, kind);
    if (wanted === undefined) throw new TautlineError("internal.unexpected");
    this.#wanted = undefined;
    return encodeRenewal(wanted, sequence);
  }

  #receive(data: Buffer): void {
    if (this.#isOver) return;
    try {
      const bytes = decodeFrame(data, LIMITS.opampMessageBytes.value);
      this.#follow(readServerWord(bytes, this.#owner.identity.id));
    } catch (error) {
      this.#end(toTautlineError(error));
      this.#websocket.close(NORMAL_CLOSURE);
    }
  }

  #follow({ message, refusal, wantsFullState }: ServerWord): void {
    if (refusal !== undefined) {
      this.#end(refusal.error, refusal.retryAfterMs);
      this.#websocket.close(NORMAL_CLOSURE);
      return;
    }
    const instruction = instructionIn(message);
    if (instruction !== undefined) this.#owner.onInstruction(instruction);
    if (this.#underWay === undefined) return;
    const { sequence, kind } = this.#underWay;
    if (kind === "renewal" && isGrant(message)) {
      this.#settle(false);
      this.#owner.onRenewal(message);
      return;
    }
    // An offer comes as an answer or unasked, and nothing in OpAMP tells which. Central reads a ping only when it has
    // answered what came before it, so whatever is still unanswered at the pong was answered by this.
    const isOffer = message.remoteConfig !== undefined || message.customMessage !== undefined;
    if (isOffer) this.#websocket.ping(String(sequence), true, () => {});
    else this.#settle(wantsFullState);
  }

  #onPong(data: Buffer): void {
    if (!this.#isOver && this.#underWay?.sequence === Number(data.toString())) this.#settle(false);
  }

  #settle(wantsFullState: boolean): void {
    const { tally, now } = this.#world;
    const underWay = this.#underWay;
    if (underWay === undefined) return;
    this.#underWay = undefined;
    clearTimeout(this.#deadline);
    tally.answered(now() - underWay.sentMs);
    if (this.#answeredAtMs === undefined) {
      this.#answeredAtMs = now();
      this.#owner.onConnected();
      this.#answer(true);
    }
    // What a renewal brought decides how it goes on.
    if (underWay.kind === "renewal") return;
    if (underWay.kind === "heartbeat" || underWay.kind === "receipt")
      this.#goOn(underWay, wantsFullState);
    else void this.#enter(underWay, wantsFullState);
  }

  /** Only what stands in the ledger counts, and only then the next message goes out. */
  async #enter(underWay: UnderWay, wantsFullState: boolean): Promise<void> {
    const { ledger, tally, now, onBroken } = this.#world;
    const { id } = this.#owner.identity;
    const { sequence } = underWay;
    try {
      const hash = statusHash(id, sequence);
      await ledger.append({ agent: id, sequence, hash, atMs: now() });
      tally.acknowledged();
      this.#goOn(underWay, wantsFullState);
    } catch (error) {
      onBroken(error);
    }
  }

  #goOn({ sentMs }: UnderWay, wantsFullState: boolean): void {
    if (this.#isOver) return;
    this.#isBusy = false;
    if (this.#isLeaving) return this.#sayGoodbye();
    if (this.#held !== undefined) return this.#beHeld();
    if (wantsFullState) return this.#send("full");
    if (this.#receipts.length > 0) return this.#send("receipt");
    if (this.#wanted !== undefined) return this.#send("renewal");
    const { pace, now } = this.#world;
    const waitMs = (pace.intervalMs ?? HEARTBEAT_MS) - (now() - sentMs);
    if (waitMs > 0) this.#plan(waitMs);
    else this.#send(this.#nextKind());
  }

  #beHeld(): void {
    const held = this.#held;
    clearTimeout(this.#next);
    this.#held = undefined;
    this.#isBusy = true;
    held?.();
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#next);
    this.#next = setTimeout(() => this.#send(this.#nextKind()), delayMs);
  }

  #nextKind(): MessageKind {
    return this.#world.pace.intervalMs === undefined ? "heartbeat" : "status";
  }

  #armDeadline(ms: number): void {
    clearTimeout(this.#deadline);
    const detail = { address: this.#owner.target.address, seconds: ms / 1000 };
    this.#deadline = setTimeout(() => {
      this.#end(new TautlineError("agent.central_silent", { detail }));
      this.#websocket.terminate();
    }, ms);
  }

  #sayGoodbye(): void {
    const { identity, nextSequence } = this.#owner;
    const bytes = encodeStatus(identity, nextSequence(), "goodbye");
    this.#websocket.send(encodeFrame(bytes), () => {});
    this.#websocket.close(NORMAL_CLOSURE);
    const timer = setTimeout(() => this.#websocket.terminate(), CLOSE_TIMEOUT_MS);
    this.#websocket.once("close", () => clearTimeout(timer));
  }

  #closed(code: number): TautlineError | undefined {
    if (this.#isLeaving && !this.#isBusy) return undefined;
    const detail = { address: this.#owner.target.address, reason: ` (code ${code})` };
    return new TautlineError("agent.link_closed", { detail });
  }

  #end(error: TautlineError | undefined, retryAfterMs = 0): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#next);
    const since = this.#answeredAtMs;
    const answeredForMs = since === undefined ? undefined : this.#world.now() - since;
    this.#resolve({ answeredForMs, error, retryAfterMs });
  }
}

function instructionIn({ customMessage }: ServerToAgent): Uint8Array | undefined {
  const isSigned =
    customMessage?.capability === CAPABILITY_INSTRUCTION && customMessage.type === "signed";
  return isSigned ? customMessage.data : undefined;
}

function isGrant({ customMessage }: ServerToAgent): boolean {
  return customMessage?.capability === CAPABILITY_ENROLMENT && customMessage.type === "grant";
}
