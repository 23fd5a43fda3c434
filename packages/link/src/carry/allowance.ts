/** Something that may happen a number of times at once, and so often a second in the long run. */
export interface AllowanceOptions {
  readonly burst: number;
  readonly perSecond: number;
}

/** Counts what a peer does against what it may do. */
export class Allowance {
  readonly #options: AllowanceOptions;
  #left: number;
  #atMs: number;

  /**
   * @param options how often
   * @param nowMs milliseconds that never go back
   */
  constructor(options: AllowanceOptions, nowMs: number) {
    this.#options = options;
    this.#left = options.burst;
    this.#atMs = nowMs;
  }

  /**
   * @param nowMs on the same clock
   * @returns whether it may happen once more
   */
  take(nowMs: number): boolean {
    const { burst, perSecond } = this.#options;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) * perSecond) / 1_000);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
