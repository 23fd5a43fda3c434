import { createCipheriv, createHash } from "node:crypto";

/** Randomness that is the same on every run of the same seed. Never for keys that matter. */
export interface SeededRandom {
  /** The next `size` bytes; has the shape of node:crypto's `randomBytes`. */
  readonly randomBytes: (size: number) => Buffer;
  /** The next number in [0, 1), with 53 bits; has the shape of `Math.random`. */
  readonly float: () => number;
  /** The next whole number in [0, `limit`). */
  readonly integer: (limit: number) => number;
  /** One of `choices`, each as likely as the next. */
  readonly pick: <Choice>(choices: readonly Choice[]) => Choice;
}

const FLOAT_BITS = 53;

/**
 * Makes deterministic randomness: the key stream of AES-256 in counter mode (NIST SP 800-38A), keyed by the SHA-256 of the seed.
 *
 * @param seed any text or number; print it in the test's name or failure so that the run can be repeated
 */
export function createSeededRandom(seed: string | number): SeededRandom {
  const key = createHash("sha256").update(String(seed)).digest();
  const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const randomBytes = (size: number): Buffer => stream.update(Buffer.alloc(size));
  const float = (): number =>
    Number(randomBytes(8).readBigUInt64BE() >> BigInt(64 - FLOAT_BITS)) / 2 ** FLOAT_BITS;
  const integer = (limit: number): number => Math.floor(float() * limit);
  const pick = <Choice>(choices: readonly Choice[]): Choice => {
    const [choice] = choices.slice(integer(choices.length));
    if (choice === undefined) throw new RangeError("nothing to pick from");
    return choice;
  };
  return { randomBytes, float, integer, pick };
}
