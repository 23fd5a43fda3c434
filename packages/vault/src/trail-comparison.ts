/** An entry that somebody saw or exported earlier: its number, its hash and, where it is known, when it was written or signed. */
export interface KnownPoint {
  readonly seq: number;
  readonly hash: string;
  /** Milliseconds since 1970-01-01T00:00:00Z: the trail had this entry by then. */
  readonly atMs: number;
}

/** An entry of the trail that is compared. */
export interface ComparedEntry {
  readonly seq: number;
  readonly hash: string;
  /** When it says it was written; asked only where it matters. */
  readonly atMs: () => number;
}

/**
 * What comparing found. `rewritten`: from `at` on it is another trail, written when the known one was. `restored`: up to `at` it is the
 * known trail, and went on only after the known one had been longer: an older copy was put back. `truncated`: it ends before `at`.
 */
export type TrailComparisonVerdict =
  | { readonly kind: "same"; readonly compared: number }
  | {
      readonly kind: "rewritten" | "restored" | "truncated";
      /** The first entry that differs or is missing. */
      readonly at: number;
      /** Whether `at` is that entry exactly, or the first of a span in which it is. */
      readonly isExact: boolean;
      /** The last entry of which something is known. */
      readonly known: number;
    };

/** Compares a trail, entry by entry, with what is known of it from elsewhere. */
export interface TrailComparison {
  /** Takes the next entry of the trail. */
  note(entry: ComparedEntry): Promise<void>;
  /** The trail has ended. */
  finish(): Promise<TrailComparisonVerdict>;
}

interface Difference {
  readonly at: number;
  readonly isExact: boolean;
  readonly atMs: number;
}

/**
 * Begins a comparison; memory does not grow with either trail.
 *
 * @param known what is known, in rising order of `seq`; with gaps where only some entries are
 */
export function compareTrail(known: AsyncIterator<KnownPoint>): TrailComparison {
  return new Comparison(known);
}

class Comparison implements TrailComparison {
  readonly #known: AsyncIterator<KnownPoint>;
  #next: KnownPoint | undefined;
  #isBegun = false;
  #compared = 0;
  /** Last entry of the trail, and the last one that is the known one for certain. */
  #seq = 0;
  #agreed: number | undefined;
  /** First entry of the trail that was written after the next known point: the trail was shorter then. */
  #later: Difference | undefined;
  #difference: Difference | undefined;
  #last: KnownPoint | undefined;

  constructor(known: AsyncIterator<KnownPoint>) {
    this.#known = known;
  }

  async note(entry: ComparedEntry): Promise<void> {
    this.#seq = entry.seq;
    if (this.#difference !== undefined) return;
    await this.#seek(entry.seq);
    this.#lookAtTime(entry);
    while (this.#next?.seq === entry.seq && this.#difference === undefined) {
      if (this.#next.hash === entry.hash) await this.#agree(entry.seq);
      else this.#difference = this.#differenceAt(entry);
    }
  }

  async finish(): Promise<TrailComparisonVerdict> {
    await this.#seek(this.#seq + 1);
    const isShort = this.#difference === undefined && this.#next !== undefined;
    while (this.#next !== undefined) await this.#advance();
    const known = this.#last?.seq ?? 0;
    if (this.#difference !== undefined) return this.#nameIt(this.#difference, known);
    if (!isShort) return { kind: "same", compared: this.#compared };
    if (this.#later !== undefined)
      return { kind: "restored", at: this.#later.at, isExact: true, known };
    return { kind: "truncated", at: this.#seq + 1, isExact: true, known };
  }

  #nameIt({ at, isExact, atMs }: Difference, known: number): TrailComparisonVerdict {
    const isLater = atMs > (this.#last?.atMs ?? Number.POSITIVE_INFINITY);
    return { kind: isLater ? "restored" : "rewritten", at, isExact, known };
  }

  /** Where nothing is known of the entries just before, the difference may have begun with any of them. */
  #differenceAt({ seq, atMs }: ComparedEntry): Difference {
    if (this.#later !== undefined) return this.#later;
    const from = (this.#agreed ?? 0) + 1;
    return { at: Math.min(from, seq), isExact: from === seq, atMs: atMs() };
  }

  #lookAtTime(entry: ComparedEntry): void {
    const next = this.#next;
    // Entry by entry the hashes tell; only across a gap the time has to.
    if (next === undefined || next.seq === (this.#agreed ?? 0) + 1 || this.#later !== undefined)
      return;
    const atMs = entry.atMs();
    if (atMs > next.atMs) this.#later = { at: entry.seq, isExact: true, atMs };
  }

  async #agree(seq: number): Promise<void> {
    this.#compared += 1;
    this.#agreed = seq;
    this.#later = undefined;
    await this.#advance();
  }

  /** Passes over what stands before the beginning of the trail. */
  async #seek(seq: number): Promise<void> {
    if (!this.#isBegun) await this.#advance();
    this.#isBegun = true;
    while (this.#next !== undefined && this.#next.seq < seq) await this.#advance();
  }

  async #advance(): Promise<void> {
    const step = await this.#known.next();
    this.#next = step.done === true ? undefined : step.value;
    if (this.#next !== undefined) this.#last = this.#next;
  }
}
