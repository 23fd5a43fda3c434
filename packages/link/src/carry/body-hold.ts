import { TautlineError } from "@tautline/protocol";
import type { MessageLook } from "./call.ts";
import type { RequestHold } from "./request-hold.ts";

/** Holds the body of a plain HTTP request back until it is whole and was looked at. */
export class BodyHold implements RequestHold {
  readonly isWhole = true;
  readonly #look: MessageLook;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(look: MessageLook) {
    this.#look = look;
  }

  /**
   * @param chunk the next bytes
   * @returns nothing yet; carry.body_too_large as soon as more came than may be held
   */
  read(chunk: Buffer): Buffer | TautlineError {
    const limit = this.#look.largestBytes;
    this.#bytes += chunk.length;
    if (this.#bytes > limit) {
      this.#parts = [];
      return new TautlineError("carry.body_too_large", { detail: { limit } });
    }
    this.#parts.push(chunk);
    return Buffer.alloc(0);
  }

  /** @returns the whole body, or what the look says against it */
  end(): Buffer | TautlineError {
    const body = Buffer.concat(this.#parts);
    this.#parts = [];
    return this.#look.message(body, false) ?? body;
  }
}
