import { TautlineError } from "@tautline/protocol";
import type { MessageLook } from "./call.ts";
import type { RequestHold } from "./request-hold.ts";

const PREFIX_BYTES = 5;

/** Holds the messages of a request back, each until it is whole and was looked at. */
export class MessageHold implements RequestHold {
  readonly isWhole = false;
  readonly #look: MessageLook;
  #held: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #partBytes = 0;

  constructor(look: MessageLook) {
    this.#look = look;
  }

  /**
   * @param chunk the next bytes
   * @returns bytes that may pass, whole messages; or why the call ends here: carry.message_too_large, or what the look says
   */
  read(chunk: Buffer): Buffer | TautlineError {
    this.#parts.push(chunk);
    this.#partBytes += chunk.length;
    // Joined only when something whole may be in it: a long message in many parts is copied once.
    if (this.#partBytes < this.#wanted() - this.#held.length) return Buffer.alloc(0);
    this.#held = Buffer.concat([this.#held, ...this.#parts]);
    this.#parts = [];
    this.#partBytes = 0;
    let whole = 0;
    while (this.#held.length - whole >= PREFIX_BYTES) {
      const length = this.#held.readUInt32BE(whole + 1);
      const flag = this.#held[whole] ?? 0;
      // Servers differ in how they read another one: what was looked at would not be what arrives.
      if (flag > 1) return cancelled("the first byte of a message is neither 0 nor 1");
      const limit = this.#look.largestBytes;
      if (length > limit) {
        return new TautlineError("carry.message_too_large", { detail: { bytes: length, limit } });
      }
      const end = whole + PREFIX_BYTES + length;
      if (end > this.#held.length) break;
      const message = this.#held.subarray(whole + PREFIX_BYTES, end);
      const refusal = this.#look.message(message, flag === 1);
      if (refusal !== undefined) return refusal;
      whole = end;
    }
    const passing = this.#held.subarray(0, whole);
    this.#held = this.#held.subarray(whole);
    return passing;
  }

  /**
   * Nothing more comes. A message that never became whole was not looked at, so it is not passed on.
   *
   * @returns carry.cancelled where one was begun
   */
  end(): Buffer | TautlineError {
    if (this.#held.length + this.#partBytes === 0) return Buffer.alloc(0);
    return cancelled("its body ended in the middle of a message");
  }

  /** Bytes after which there is something to look at. */
  #wanted(): number {
    if (this.#held.length < PREFIX_BYTES) return PREFIX_BYTES;
    return PREFIX_BYTES + this.#held.readUInt32BE(1);
  }
}

function cancelled(reason: string): TautlineError {
  return new TautlineError("carry.cancelled", { detail: { reason } });
}
