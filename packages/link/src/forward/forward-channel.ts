import type { Duplex } from "node:stream";
import {
  decodeForwardAnswer,
  decodeForwardEnd,
  decodeForwardRequest,
  encodeForwardAnswer,
  encodeForwardEnd,
  encodeForwardReason,
  encodeForwardRequest,
  type ForwardAnswer,
  type ForwardControlFrame,
  ForwardDecoder,
  type ForwardRequest,
  type ForwardRole,
  type ForwardState,
  nextForwardState,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import { AliveWatch } from "./alive-watch.ts";
import { endLingering } from "./end-lingering.ts";
import { FrameWriter } from "./frame-writer.ts";
import { PendingOpen, type OpenLimits } from "./pending-open.ts";
import { peerReason } from "./peer-reason.ts";
import type { PlainEnd } from "./plain-end.ts";
import { resetPlain } from "./reset-plain.ts";
import { PROCESS_SLABS, type SlabPool } from "../slabs/slab.ts";
import { readIntoSlabs } from "../slabs/slab-reader.ts";
import { type CarryOptions, type StreamEnd, StreamPump } from "./stream-pump.ts";

/** What a forward's link is made of. */
export interface ForwardChannelOptions {
  /** The secured stream after its upgrade; it belongs to the channel from here on. */
  readonly secured: Duplex;
  /** What came behind the upgrade already. */
  readonly head: Uint8Array;
  /** Which end this is: only the opener opens streams. */
  readonly role: ForwardRole;
  /** "host:port" or the name of the other end, for errors. */
  readonly address: string;
  /** Milliseconds, of a clock that only goes on. */
  readonly now: () => number;
  /** To read into where this Node allows it: those of the process unless told; null reads as Node does. */
  readonly slabs?: SlabPool | null | undefined;
}

const TLS_RECORD_BYTES = 16 * 1024;

/** A stream that the other end asks for; it waits for one of the two answers. */
export interface ForwardOpening {
  readonly request: ForwardRequest;
  /** Aborted where the opener or the link goes away before it is answered. */
  readonly signal: AbortSignal;
  /** Opens the stream; `carry` has to follow at once. Does nothing where the opener is gone: then `carry` tells. */
  accept(answer?: ForwardAnswer): void;
  /** Refuses it with a reason that is told to the opener; the link is idle again. */
  refuse(error: TautlineError): void;
}

/**
 * One end of a forward's link: carries one stream after the other over a secured stream, each with its own proven end.
 *
 * A stream is `open`ed by one end and accepted by the other, then both `carry` it. After a clean end the link is idle again; after
 * anything else it is closed. What the other end does wrong ends the link with forward.malformed or forward.truncated, a link
 * that is cut in the middle of a stream is forward.cut, and one whose other end is silent is forward.silent: never is a part taken
 * for the whole.
 */
export class ForwardChannel {
  /** Resolves when the link is closed, with the reason; undefined where the other end closed an idle link without a word. */
  readonly closed: Promise<TautlineError | undefined>;
  readonly #options: ForwardChannelOptions;
  readonly #slabs: SlabPool | undefined;
  readonly #peer: ForwardRole;
  readonly #writer: FrameWriter;
  readonly #decoder: ForwardDecoder;
  readonly #alive: AliveWatch;
  #state: ForwardState = "idle";
  #isOver = false;
  #reason: TautlineError | undefined;
  #closeWhenIdle: TautlineError | undefined;
  #pump: StreamPump | undefined;
  /** At the opener: what waits for the answer. */
  #asking: PendingOpen | undefined;
  /** At the accepter: a request that has no handler yet, the handler, and who is told that the request is void. */
  #unheard: ForwardOpening | undefined;
  #handler: ((opening: ForwardOpening) => void) | undefined;
  #withdrawal = new AbortController();

  constructor(options: ForwardChannelOptions) {
    const { secured, head, role, slabs } = options;
    this.#options = options;
    this.#slabs = slabs === undefined ? PROCESS_SLABS : (slabs ?? undefined);
    this.#peer = role === "opener" ? "accepter" : "opener";
    this.#writer = new FrameWriter(secured);
    this.#decoder = new ForwardDecoder({
      data: (part) => this.#takeData(part),
      control: (frame, payload) => this.#takeControl(frame, payload),
    });
    this.#alive = new AliveWatch({
      secured,
      writer: this.#writer,
      address: options.address,
      onSilent: (error) => this.#end(error, this.#lastWord()),
    });
    this.closed = new Promise((resolve) => {
      secured.once("close", () => {
        this.#cut();
        resolve(this.#reason);
      });
    });
    secured.on("error", (cause) => this.#cut(cause)).on("end", () => this.#cut());
    if (head.length > 0) secured.unshift(head);
    const take = (chunk: Buffer): void => this.#take(chunk);
    secured.on("data", take);
    const leastRoom = TLS_RECORD_BYTES;
    readIntoSlabs(secured, { pool: this.#slabs, headroom: 0, leastRoom, take });
    secured.resume();
    if (secured.destroyed || secured.readableEnded) setImmediate(() => this.#cut());
  }

  /** What the link is doing; "idle" is ready for the next stream. */
  get state(): ForwardState {
    return this.#state;
  }

  /**
   * Asks the other end for a stream; only of an idle link, at the opener.
   *
   * @param limits how long it may take to answer; one that does not ends the link
   * @returns what the accepter told; `carry` has to follow at once
   * @throws forward.refused with detail {address, forward, code, text, remedy}, and the link is idle again. After all else it is
   * closed: forward.closed, forward.cut, forward.silent, forward.reset (no stream was opened, another link may be asked),
   * forward.open_timeout, the signal's reason or forward.cancelled
   */
  async open(request: ForwardRequest, limits: OpenLimits = {}): Promise<ForwardAnswer> {
    const payload = encodeForwardRequest(request);
    if (this.#isOver) throw this.#reason ?? this.#cutError();
    if (this.#options.role !== "opener" || this.#state !== "idle") {
      throw new TautlineError("internal.unexpected", { cause: new Error("a link that is busy") });
    }
    this.#send("open", payload);
    const { address } = this.#options;
    const asking = new PendingOpen({ ...limits, address, forward: request.forward }, (error) =>
      this.#end(error, "reset"),
    );
    this.#asking = asking;
    return asking.answer;
  }

  /**
   * Sets who answers the other end's requests; for the accepter. A request that came before waits for it.
   *
   * @param handler answers each by `accept` or `refuse`, at once or later
   */
  onOpen(handler: (opening: ForwardOpening) => void): void {
    this.#handler = handler;
    const opening = this.#unheard;
    this.#unheard = undefined;
    if (opening !== undefined) handler(opening);
  }

  /**
   * Carries an open stream to and from a plain connection, with backpressure and half-close in both directions.
   *
   * @param plain TCP, Unix, or what ends as they do; belongs to the channel from here on. It is reset where the stream does not end clean
   * @param options limits, and who counts
   * @returns how it ended, once all has gone out; it never rejects. The link is `idle` again if it was clean, else closed
   */
  carry(plain: PlainEnd, options: CarryOptions = {}): Promise<StreamEnd> {
    const pump = this.#pump;
    if (pump !== undefined && !pump.isCarrying) return pump.attach(plain, options);
    resetPlain(plain);
    const error = this.#reason ?? new TautlineError("internal.unexpected");
    return Promise.resolve({
      verdict: error.code,
      error,
      sentBytes: 0,
      receivedBytes: 0,
      durationMs: 0,
    });
  }

  /**
   * Closes the link as soon as it is idle, and tells the other end why; a running stream comes to its own end first.
   *
   * @param reason for people at the other end
   */
  announceClose(reason: TautlineError): void {
    if (this.#state === "idle") this.#end(reason, "close");
    else this.#closeWhenIdle ??= reason;
  }

  /**
   * Closes the link now. A running stream ends at both ends with the reason: here as itself, there as a forward.reset that names it.
   *
   * @param reason for people at both ends
   */
  destroy(reason: TautlineError): void {
    this.#end(reason, this.#lastWord());
  }

  #lastWord(): "reset" | "close" {
    return this.#state === "idle" ? "close" : "reset";
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#alive.heard();
    try {
      this.#decoder.take(chunk);
    } catch (error) {
      this.#end(toTautlineError(error), "reset");
    }
  }

  #takeData(part: Uint8Array): void {
    if (this.#isOver) return;
    this.#state = nextForwardState(this.#state, this.#peer, "data");
    this.#pump?.deliver(part);
  }

  #takeControl(frame: ForwardControlFrame, payload: Uint8Array): void {
    if (this.#isOver) return;
    const { address } = this.#options;
    this.#state = nextForwardState(this.#state, this.#peer, frame);
    switch (frame) {
      case "alive":
        return;
      case "open":
        return this.#offer(decodeForwardRequest(payload));
      case "opened":
        this.#pump = this.#createPump();
        return this.#asking?.resolve(decodeForwardAnswer(payload));
      case "refused":
        this.#asking?.refuse(payload);
        return this.#becomeIdle();
      case "end":
        this.#pump?.deliverEnd(decodeForwardEnd(payload));
        return this.#state === "idle" ? this.#becomeIdle() : undefined;
      case "reset":
        return this.#end(peerReason("forward.reset", payload, { address }));
      case "close":
        return this.#end(peerReason("forward.closed", payload, { address }));
    }
  }

  #offer(request: ForwardRequest): void {
    this.#withdrawal = new AbortController();
    const opening: ForwardOpening = {
      request,
      signal: this.#withdrawal.signal,
      accept: (answer = {}) => {
        if (this.#isOver) return;
        this.#send("opened", encodeForwardAnswer(answer));
        this.#pump = this.#createPump();
      },
      refuse: (error) => {
        if (this.#isOver) return;
        this.#send("refused", encodeForwardReason(error));
        this.#becomeIdle();
      },
    };
    if (this.#handler === undefined) this.#unheard = opening;
    else this.#handler(opening);
  }

  #createPump(): StreamPump {
    const { secured, address, now } = this.#options;
    return new StreamPump({
      secured,
      writer: this.#writer,
      slabs: this.#slabs,
      address,
      now,
      onPlainEnd: (sentBytes) => {
        if (this.#isOver) return;
        this.#send("end", encodeForwardEnd(sentBytes));
        if (this.#state === "idle") this.#becomeIdle();
      },
      onBroken: (error) => this.#end(error, "reset"),
    });
  }

  #send(frame: ForwardControlFrame, payload: Uint8Array): void {
    this.#state = nextForwardState(this.#state, this.#options.role, frame);
    this.#writer.control(frame, payload);
  }

  #becomeIdle(): void {
    this.#pump?.detach();
    this.#pump = undefined;
    this.#asking = undefined;
    if (this.#closeWhenIdle !== undefined) this.#end(this.#closeWhenIdle, "close");
  }

  /** The connection is gone; where nothing was under way that is an end like any other. */
  #cut(cause?: unknown): void {
    const isAtRest = this.#state === "idle" && this.#decoder.isBetweenFrames;
    this.#end(isAtRest ? undefined : this.#cutError(cause));
  }

  #cutError(cause?: unknown): TautlineError {
    const detail = { address: this.#options.address };
    return new TautlineError("forward.cut", { detail, ...(cause !== undefined && { cause }) });
  }

  /** Ends the link, with a last word to the other end or, where that is of no use, at once. */
  #end(reason: TautlineError | undefined, lastWord?: "reset" | "close"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state = "ended";
    this.#alive.stop();
    this.#reason = reason;
    const { secured } = this.#options;
    if (reason !== undefined) {
      this.#pump?.fail(reason);
      this.#asking?.reject(reason);
      this.#withdrawal.abort(reason);
      if (lastWord !== undefined && secured.writable) {
        this.#writer.control(lastWord, encodeForwardReason(reason));
        return endLingering(secured);
      }
    }
    secured.destroy();
  }
}
