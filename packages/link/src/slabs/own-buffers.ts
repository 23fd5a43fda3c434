import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Where a socket reads into, and who is told. */
export interface OwnBuffers {
  /** Gives the memory for the next read, 1 byte or more; asked for once before the first and after each. */
  readonly next: () => Uint8Array;
  /** So many bytes were read into the memory that `next` gave last. */
  readonly take: (bytes: number) => void;
}

/** The names under which Node keeps what its public option `onread` sets. */
interface ReadKeys {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

const PROBE = { buffer: () => new Uint8Array(1), callback: () => true };
const KEYS = findKeys();

/**
 * Makes a connected socket read into memory of our own from now on, as the option `onread` does for sockets that are made with it:
 * accepted ones, and those that spoke HTTP before, cannot be given it. Uses what Node keeps to itself
 * (docs/decisions/0025-forwards-read-into-buffers-of-their-own.md), where all of it is found and behaves as known.
 *
 * What it had read before still comes by "data", first. `pause`, `resume` and "end" work as ever.
 *
 * @param stream any; of another kind than a socket of this process nothing is changed
 * @param buffers must stay usable until "close"
 * @returns whether it does; if not it reads as ever, and all comes by "data"
 */
export function readIntoOwn(stream: Duplex, buffers: OwnBuffers): boolean {
  if (KEYS === undefined || !(stream instanceof Socket) || stream.destroyed) return false;
  const handle: unknown = Reflect.get(stream, "_handle");
  if (Reflect.get(stream, KEYS.buffer) !== null || !takesUserBuffer(handle)) return false;
  const first = buffers.next();
  Reflect.set(stream, KEYS.generator, buffers.next);
  Reflect.set(stream, KEYS.callback, (bytes: number) => {
    // What came before stands in the stream; read like this it is told as "data".
    while (stream.readableLength > 0 && stream.read() !== null);
    buffers.take(bytes);
    return true;
  });
  // Node holds it from here on, as the system reads into it at any time.
  Reflect.set(stream, KEYS.buffer, first);
  handle.useUserBuffer(first);
  return true;
}

/** Undefined where a socket that was made with `onread` does not look as it does in the Node that this was written for. */
function findKeys(): ReadKeys | undefined {
  const probe = new Socket({ onread: PROBE });
  const named = new Map(
    Object.getOwnPropertySymbols(probe).map((symbol) => [symbol.description, symbol]),
  );
  const [held, told, made] = ["kBuffer", "kBufferCb", "kBufferGen"].map((name) => named.get(name));
  if (held === undefined || told === undefined || made === undefined) return undefined;
  const isAsKnown =
    Reflect.get(probe, held) === true &&
    Reflect.get(probe, told) === PROBE.callback &&
    Reflect.get(probe, made) === PROBE.buffer;
  return isAsKnown ? { buffer: held, callback: told, generator: made } : undefined;
}

function takesUserBuffer(
  handle: unknown,
): handle is { useUserBuffer: (memory: Uint8Array) => void } {
  return (
    typeof handle === "object" &&
    handle !== null &&
    typeof Reflect.get(handle, "useUserBuffer") === "function"
  );
}
