/** Memory whose users are counted, so that it is used again, or given back, as soon as there are none. */
export interface CountedMemory {
  /** One more needs what stands in it. */
  retain(): void;
  /** One needs it no more; a function of its own, to be called back when something is written. */
  readonly release: () => void;
}

/** Smaller memory is left to the collector. */
const LEAST_LENT_BYTES = 16 * 1024;

const counted = new WeakMap<ArrayBufferLike, CountedMemory>();

/** The counted memory that bytes stand in; undefined for any other, which belongs to whoever has it. */
export function memoryOf(bytes: Uint8Array): CountedMemory | undefined {
  return counted.get(bytes.buffer);
}

/** Says whose users are to be counted. */
export function count(memory: ArrayBufferLike, by: CountedMemory): void {
  counted.set(memory, by);
}

/**
 * Gives memory back to the system now, where it is large and all of its buffer: left to the collector, so much of it would make that
 * go through everything again and again. What is left of `bytes` is empty.
 *
 * @param bytes of which nobody, the system neither, needs anything any more
 */
export function free(bytes: Uint8Array): void {
  const { buffer } = bytes;
  const isWhole = bytes.length >= LEAST_LENT_BYTES && bytes.length === buffer.byteLength;
  if (isWhole && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/**
 * Lets memory be freed when everybody who has retained it has released it. Where nobody does, the collector frees it as ever.
 *
 * @param bytes large, and all of their buffer; others are left as they are
 */
export function lend(bytes: Uint8Array): void {
  if (bytes.length < LEAST_LENT_BYTES || bytes.length !== bytes.buffer.byteLength) return;
  let users = 0;
  counted.set(bytes.buffer, {
    retain: () => {
      users += 1;
    },
    release: () => {
      users -= 1;
      if (users === 0) free(bytes);
    },
  });
}
