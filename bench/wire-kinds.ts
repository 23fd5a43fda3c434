/** What a byte of TCP payload is, as far as somebody on the way can tell (docs/reference/links.md). */
export type WireKind = "tls" | "opening" | "refusal" | "basic" | "plain";

/** Bytes of each kind. */
export type WireCounts = Readonly<Record<WireKind, number>>;

/** None of any kind. */
export const NO_BYTES: WireCounts = { tls: 0, opening: 0, refusal: 0, basic: 0, plain: 0 };

/** Tells what the payload of one connection is, as its bytes come. */
export interface WireReader {
  /**
   * Reads the next bytes of one direction.
   *
   * @returns of what kind they are
   */
  readonly dialler: (bytes: Uint8Array) => WireCounts;
  readonly listener: (bytes: Uint8Array) => WireCounts;
  /** Bytes that are too few yet to tell what they begin. */
  readonly untold: number;
}

const MAGIC = Buffer.from([0xf4, 0x54, 0x4c]);
const TLS_HEAD_BYTES = 5;
/** RFC 8446 section 5.2, and RFC 5246 section 6.2.3 allows more than that. */
const MAX_TLS_RECORD_BYTES = 2 ** 14 + 2048;
/** change_cipher_spec, alert, handshake, application_data. */
const TLS_TYPES = new Set([0x14, 0x15, 0x16, 0x17]);
const PREFACE_HEAD_BYTES = 6;
const REFUSAL_HEAD_BYTES = 7;
const FRAME_HEAD_BYTES = 2;

/** What stands next in a direction: so many bytes of a head, which tell of what kind a body is and how long. */
type Part =
  | { readonly kind: WireKind; readonly bytes: number; readonly next: () => Part }
  | { readonly head: number; readonly read: (head: Buffer) => Part };

const plain: Part = { kind: "plain", bytes: Number.POSITIVE_INFINITY, next: () => plain };

/**
 * Begins to read a connection from its first byte. TLS is told by its record heads, `basic` by its preface; a refusal is what a listener answers in
 * clear by the frame of `basic`. All else is plaintext: HTTP in clear, its refusals too, and whatever stands where a record should.
 */
export function readWire(): WireReader {
  let isBasic = false;
  const dialler = directionReader({
    head: MAGIC.length,
    read: (head) => {
      isBasic = isMagic(head);
      return isBasic ? preface(head) : tlsFrom(head);
    },
  });
  const listener = directionReader({
    head: MAGIC.length,
    read: (head) => {
      if (isMagic(head)) return refusal(head);
      return isBasic ? frameFrom(head, "basic") : tlsFrom(head);
    },
  });
  return {
    dialler: dialler.take,
    listener: listener.take,
    get untold() {
      return dialler.untold() + listener.untold();
    },
  };
}

function isMagic(head: Buffer): boolean {
  return MAGIC.equals(head.subarray(0, MAGIC.length));
}

function directionReader(first: Part): {
  readonly take: (bytes: Uint8Array) => WireCounts;
  readonly untold: () => number;
} {
  let part = first;
  let held: Buffer = Buffer.alloc(0);
  let left = "head" in part ? 0 : part.bytes;
  const take = (bytes: Uint8Array): WireCounts => {
    const counts: Record<WireKind, number> = { ...NO_BYTES };
    held = Buffer.concat([held, bytes]);
    for (;;) {
      if ("head" in part) {
        if (held.length < part.head) break;
        // A head is counted with its body.
        part = part.read(held);
        left = "head" in part ? 0 : part.bytes;
        continue;
      }
      const taken = Math.min(left, held.length);
      counts[part.kind] += taken;
      held = held.subarray(taken);
      left -= taken;
      if (left > 0) break;
      part = part.next();
      left = "head" in part ? 0 : part.bytes;
    }
    return counts;
  };
  return { take, untold: () => held.length };
}

function tlsFrom(head: Buffer): Part {
  if (head.length < TLS_HEAD_BYTES && TLS_TYPES.has(head[0] ?? 0) && head[1] === 3)
    return { head: TLS_HEAD_BYTES, read: tlsFrom };
  const body = head.length < TLS_HEAD_BYTES ? Number.NaN : head.readUInt16BE(3);
  const isRecord = TLS_TYPES.has(head[0] ?? 0) && head[1] === 3 && body <= MAX_TLS_RECORD_BYTES;
  if (!isRecord) return plain;
  return { kind: "tls", bytes: TLS_HEAD_BYTES + body, next: () => tls };
}

const tls: Part = { head: TLS_HEAD_BYTES, read: tlsFrom };

function preface(head: Buffer): Part {
  if (head.length < PREFACE_HEAD_BYTES) return { head: PREFACE_HEAD_BYTES, read: preface };
  const bytes = PREFACE_HEAD_BYTES + (head[PREFACE_HEAD_BYTES - 1] ?? 0);
  // The first message of the handshake is sent before anybody has answered.
  const message: Part = { head: FRAME_HEAD_BYTES, read: (next) => frameFrom(next, "opening") };
  return { kind: "opening", bytes, next: () => message };
}

function frameFrom(head: Buffer, kind: WireKind): Part {
  const bytes = FRAME_HEAD_BYTES + head.readUInt16BE(0);
  const frame: Part = { head: FRAME_HEAD_BYTES, read: (next) => frameFrom(next, "basic") };
  return { kind, bytes, next: () => frame };
}

function refusal(head: Buffer): Part {
  if (head.length < REFUSAL_HEAD_BYTES) return { head: REFUSAL_HEAD_BYTES, read: refusal };
  const bytes = REFUSAL_HEAD_BYTES + head.readUInt16BE(REFUSAL_HEAD_BYTES - 2);
  return { kind: "refusal", bytes, next: () => plain };
}
