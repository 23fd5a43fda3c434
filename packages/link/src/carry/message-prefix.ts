const PREFIX_BYTES = 5;

/**
 * Reads the lengths of gRPC messages as their bytes pass by, and holds nothing of them (gRPC over HTTP/2: a byte that says whether the
 * message is compressed, four of its length, the message).
 */
export class MessagePrefixReader {
  readonly #limit: number;
  /** Of the prefix being read: how many of its bytes have come, and the length so far. */
  #prefixBytes = 0;
  #length = 0;
  /** Bytes of the present message that are still to come. */
  #left = 0;
  #messages = 0;

  /** @param limit longest message, bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Messages whose prefix has come. */
  get messages(): number {
    return this.#messages;
  }

  /** No message is in its middle. */
  get isAtEdge(): boolean {
    return this.#prefixBytes === 0 && this.#left === 0;
  }

  /**
   * @param chunk the next bytes
   * @returns the length of a message that is over the limit, as soon as its prefix has come; nothing may be read after it
   */
  read(chunk: Uint8Array): number | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at);
        this.#left -= passed;
        at += passed;
        continue;
      }
      // The first byte of a prefix is no part of the length.
      const byte = chunk[at] ?? 0;
      this.#length = this.#prefixBytes === 0 ? 0 : this.#length * 256 + byte;
      this.#prefixBytes += 1;
      at += 1;
      if (this.#prefixBytes < PREFIX_BYTES) continue;
      this.#prefixBytes = 0;
      this.#messages += 1;
      if (this.#length > this.#limit) return this.#length;
      this.#left = this.#length;
    }
    return undefined;
  }
}
