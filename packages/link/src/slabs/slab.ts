import { count, type CountedMemory, memoryOf } from "./counted-memory.ts";

/** Two of the longest messages of `basic`, and a little less than eight full TLS records: what fills a slab leaves no short one behind. */
export const SLAB_BYTES = 131_038;
/** At most so many are in use at once in a process, 32 MiB; who gets none copies what it reads. */
const MOST_SLABS = 256;
/** So many unused ones are kept. */
const MOST_FREE = 32;

/** Memory to read into that is used again once nobody needs what was read: large buffers made anew for each read keep the collector busy. */
export class Slab implements CountedMemory {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  readonly #pool: SlabPool;
  #users = 0;

  constructor(pool: SlabPool) {
    this.#pool = pool;
    count(this.bytes.buffer, this);
  }

  /** Whether nobody but one, its reader, uses it. */
  get isFree(): boolean {
    return this.#users === 1;
  }

  retain(): void {
    this.#users += 1;
  }

  readonly release = (): void => {
    this.#users -= 1;
    if (this.#users === 0) this.#pool.giveBack(this);
  };
}

/** The slabs of a process. */
export class SlabPool {
  readonly #free: Slab[] = [];
  readonly #most: number;
  #inUse = 0;

  /** @param most in use at once */
  constructor(most: number = MOST_SLABS) {
    this.#most = most;
  }

  /** How many are in use. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Gives one that its taker uses and must release; undefined where the most are in use. */
  take(): Slab | undefined {
    if (this.#inUse >= this.#most) return undefined;
    this.#inUse += 1;
    const slab = this.#free.pop() ?? new Slab(this);
    slab.retain();
    return slab;
  }

  /** Takes one that nobody uses any more. */
  giveBack(slab: Slab): void {
    this.#inUse -= 1;
    if (this.#free.length < MOST_FREE) this.#free.push(slab);
  }
}

/** The slab that bytes stand in; undefined for any other memory, which belongs to whoever has it. */
export function slabOf(bytes: Uint8Array): Slab | undefined {
  const memory = memoryOf(bytes);
  return memory instanceof Slab ? memory : undefined;
}

/** Of this process. */
export const PROCESS_SLABS: SlabPool = new SlabPool();
