import type { Readable, Writable } from "node:stream";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import type { BodyMeter } from "./body-meter.ts";
import type { HeldBytes } from "./held-bytes.ts";
import type { RequestHold } from "./request-hold.ts";

/** So much of a body is kept until the answer begins, in case the backend did not take the call in. */
const KEPT_BYTES = 64 * 1024;

/** What a request's body needs. */
export interface RequestBodyOptions {
  /** There is none. */
  readonly ends: boolean;
  readonly meter: BodyMeter;
  /** Undefined where nobody looks at it: it passes by. */
  readonly hold: RequestHold | undefined;
  /** What may be held of this and other requests. */
  readonly held: HeldBytes | undefined;
  /** Something of it came. */
  readonly onBytes: () => void;
  /** It is over a limit, or was refused by the look. */
  readonly onRefused: (error: TautlineError) => void;
}

/** The body of a request on its way to a backend, and, for a short one, once more to another. */
export class RequestBody {
  readonly #source: Readable;
  readonly #options: RequestBodyOptions;
  #target: Writable | undefined;
  /** What was sent already; undefined where it is too much, or not needed any more. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #heldBytes = 0;
  /** Was looked at and may pass, as soon as there is where to. */
  #passed: Buffer | undefined;
  #onPassed: (() => void) | undefined;
  #isReading = false;
  #hasEnded: boolean;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onEnd = (): void => this.#ended();
  readonly #onDrain = (): void => void this.#source.resume();

  constructor(source: Readable, options: RequestBodyOptions) {
    this.#source = source;
    this.#options = options;
    this.#hasEnded = options.ends;
  }

  get bytes(): number {
    return this.#options.meter.bytes;
  }

  get messages(): number {
    return this.#options.meter.messages;
  }

  /** Its end has come. */
  get isWhole(): boolean {
    return this.#hasEnded;
  }

  /**
   * Has it looked at before it is sent anywhere, where that is done to all of it at once.
   *
   * @param next where it is to go, as soon as it may; not called where it is refused
   */
  beginWith(next: () => void): void {
    if (this.#options.ends || this.#options.hold?.isWhole !== true) return next();
    this.#onPassed = next;
    this.#read();
  }

  /** Sends it on: what was kept first. */
  flowInto(target: Writable): void {
    this.#target = target;
    if (this.#options.ends) return;
    const passed = this.#passed;
    this.#passed = undefined;
    if (passed !== undefined) {
      this.#send(passed);
      return void target.end();
    }
    for (const chunk of this.#kept ?? []) target.write(chunk);
    if (this.#hasEnded) return void target.end();
    if (this.#isReading) return void this.#source.resume();
    this.#read();
  }

  #read(): void {
    this.#isReading = true;
    this.#source.on("data", this.#onData);
    this.#source.on("end", this.#onEnd);
  }

  /** @returns whether it can be sent once more, from its beginning; nothing is read of it until then */
  rewind(): boolean {
    if (this.#kept === undefined) return false;
    this.#target?.removeListener("drain", this.#onDrain);
    this.#target = undefined;
    if (this.#isReading && !this.#hasEnded) this.#source.pause();
    return true;
  }

  /** It will not have to be sent once more. */
  forget(): void {
    this.#kept = undefined;
  }

  /** Sends nothing more on. */
  stop(): void {
    this.#source.removeListener("data", this.#onData);
    this.#source.removeListener("end", this.#onEnd);
    this.#target?.removeListener("drain", this.#onDrain);
    this.#kept = undefined;
    this.#passed = undefined;
    this.#letGo(this.#heldBytes);
  }

  #take(chunk: Buffer): void {
    this.#options.onBytes();
    const refusal = this.#options.meter.read(chunk);
    if (refusal !== undefined) return this.#options.onRefused(refusal);
    const passing = this.#pass(chunk);
    if (passing instanceof TautlineError) return this.#options.onRefused(passing);
    if (passing.length > 0) this.#send(passing);
  }

  #pass(chunk: Buffer): Buffer | TautlineError {
    const { hold, held } = this.#options;
    if (hold === undefined) return chunk;
    if (held?.take(chunk.length) === false) return new TautlineError("carry.too_much_held");
    this.#heldBytes += chunk.length;
    const passing = closedOnFailure(() => hold.read(chunk));
    if (!(passing instanceof TautlineError)) this.#letGo(passing.length);
    return passing;
  }

  #letGo(bytes: number): void {
    this.#options.held?.give(bytes);
    this.#heldBytes -= bytes;
  }

  #send(chunk: Buffer): void {
    this.#keep(chunk);
    const target = this.#target;
    if (target === undefined || target.write(chunk)) return;
    this.#source.pause();
    target.once("drain", this.#onDrain);
  }

  #keep(chunk: Buffer): void {
    if (this.#kept === undefined) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > KEPT_BYTES) this.#kept = undefined;
    else this.#kept.push(chunk);
  }

  #ended(): void {
    this.#hasEnded = true;
    const { hold } = this.#options;
    const last = hold && closedOnFailure(() => hold.end());
    if (last instanceof TautlineError) return this.#options.onRefused(last);
    if (this.#onPassed !== undefined) {
      this.#passed = last;
      return this.#onPassed();
    }
    if (last !== undefined && last.length > 0) this.#send(last);
    this.#target?.end();
  }
}

/** What goes wrong in a look ends its call, and not the process: nothing of what it did not see may pass. */
function closedOnFailure(look: () => Buffer | TautlineError): Buffer | TautlineError {
  try {
    return look();
  } catch (error) {
    return toTautlineError(error);
  }
}
