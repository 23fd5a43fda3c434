import { TautlineError } from "@tautline/protocol";
import { MessagePrefixReader } from "./message-prefix.ts";

/** Counts a body as it passes by, and holds it against its limit. */
export class BodyMeter {
  readonly #prefixes: MessagePrefixReader | undefined;
  readonly #limit: number;
  #bytes = 0;

  /**
   * @param isGrpc the body is a stream of messages, and the limit is for each of them
   * @param limit bytes; of a message, or of the whole body
   */
  constructor(isGrpc: boolean, limit: number) {
    this.#prefixes = isGrpc ? new MessagePrefixReader(limit) : undefined;
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): number {
    return this.#prefixes?.messages ?? 0;
  }

  /**
   * @param chunk the next bytes
   * @returns carry.message_too_large or carry.body_too_large as soon as that is known, before the chunk is passed on
   */
  read(chunk: Uint8Array): TautlineError | undefined {
    this.#bytes += chunk.length;
    const limit = this.#limit;
    if (this.#prefixes === undefined) {
      return this.#bytes > limit
        ? new TautlineError("carry.body_too_large", { detail: { limit } })
        : undefined;
    }
    const bytes = this.#prefixes.read(chunk);
    return bytes === undefined
      ? undefined
      : new TautlineError("carry.message_too_large", { detail: { bytes, limit } });
  }
}
