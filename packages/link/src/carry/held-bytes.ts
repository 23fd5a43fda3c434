/** How much may be held back at once, of all the calls that share it: one call's limit times all calls would be more than there is. */
export class HeldBytes {
  readonly #limit: number;
  #held = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param bytes that would be held besides
   * @returns false where that is too much: nothing was taken then
   */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#limit) return false;
    this.#held += bytes;
    return true;
  }

  /** @param bytes that were taken, and are held no longer */
  give(bytes: number): void {
    this.#held -= bytes;
  }

  /** Bytes held now. */
  get held(): number {
    return this.#held;
  }
}
