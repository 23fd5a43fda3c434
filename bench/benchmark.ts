/** One line of the table: something measured several times. */
export interface Row {
  /** What was measured, for people. */
  readonly what: string;
  readonly unit: string;
  /** One value a run; none where it could not be measured. */
  readonly values: readonly number[];
  /** What a reader has to know beside the number. */
  readonly note?: string;
}

/** What a benchmark is given. */
export interface BenchContext {
  /** An empty folder of its own, removed afterwards. */
  readonly folder: string;
  /** Where central and the swarm write CPU profiles when they end; undefined: nowhere. */
  readonly profileDir: string | undefined;
  /** Tells a person what is going on. */
  readonly say: (text: string) => void;
}

/** A named measurement; each file of this folder that is one exports one. */
export type Benchmark = (context: BenchContext) => Promise<Row[]>;
