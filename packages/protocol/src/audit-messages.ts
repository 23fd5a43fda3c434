import { TautlineError } from "./error.ts";
import {
  AuditCheckpointsSchema,
  AuditForkSchema,
  AuditHeadSchema,
  type SignedCheckpoint as WireCheckpoint,
} from "./gen/tautline/v1/audit_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";

/** A text and the signature over it. */
export interface SignedText {
  readonly body: string;
  readonly signature: Uint8Array;
}

/** A checkpoint with everything that proves it but the root. */
export interface SignedCheckpoint extends SignedText {
  /** The statement by which the root certifies the key. */
  readonly key: SignedText;
}

/** What central tells an agent: texts that lead to the newest checkpoint, and that one signed. */
export interface CheckpointNews {
  /** Oldest first; at most `auditCheckpointsInMessage`. */
  readonly earlier: readonly string[];
  readonly newest: SignedCheckpoint;
}

/** What an agent has seen, and what it was shown that cannot follow from it. */
export interface ForkReport {
  readonly seen: SignedCheckpoint;
  readonly shown: SignedCheckpoint;
}

const CODE = "audit.checkpoint_malformed";
const MAX_SIGNATURE_BYTES = 128;

/** Encodes what central tells an agent: the data of a custom message "checkpoints". */
export function encodeCheckpointNews({ earlier, newest }: CheckpointNews): Uint8Array {
  assertFew(earlier);
  const fields = { earlierBodies: [...earlier], newest: toWire(newest) };
  return encodeMessage(AuditCheckpointsSchema, fields, CODE);
}

/**
 * Decodes what central tells an agent; nothing is verified yet.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws audit.checkpoint_malformed
 */
export function decodeCheckpointNews(bytes: Uint8Array): CheckpointNews {
  const { earlierBodies, newest } = decodeMessage(AuditCheckpointsSchema, bytes, CODE);
  assertFew(earlierBodies);
  return { earlier: earlierBodies, newest: fromWire(newest) };
}

/** Encodes what an agent remembers: the data of a custom message "head". */
export function encodeAuditHead(seen: SignedCheckpoint): Uint8Array {
  return encodeMessage(AuditHeadSchema, { seen: toWire(seen) }, CODE);
}

/**
 * Decodes what an agent remembers; nothing is verified yet.
 *
 * @param bytes the data of a custom message
 * @throws audit.checkpoint_malformed
 */
export function decodeAuditHead(bytes: Uint8Array): SignedCheckpoint {
  return fromWire(decodeMessage(AuditHeadSchema, bytes, CODE).seen);
}

/** Encodes an agent's report of a fork: the data of a custom message "fork". */
export function encodeForkReport({ seen, shown }: ForkReport): Uint8Array {
  return encodeMessage(AuditForkSchema, { seen: toWire(seen), shown: toWire(shown) }, CODE);
}

/**
 * Decodes an agent's report of a fork; nothing is verified yet.
 *
 * @param bytes the data of a custom message
 * @throws audit.checkpoint_malformed
 */
export function decodeForkReport(bytes: Uint8Array): ForkReport {
  const { seen, shown } = decodeMessage(AuditForkSchema, bytes, CODE);
  return { seen: fromWire(seen), shown: fromWire(shown) };
}

function toWire({ body, signature, key }: SignedCheckpoint) {
  return { body, signature, keyBody: key.body, keySignature: key.signature };
}

function fromWire(wire: WireCheckpoint | undefined): SignedCheckpoint {
  if (wire === undefined) throw malformed("there is none");
  const { body, signature, keyBody, keySignature } = wire;
  for (const each of [signature, keySignature]) {
    if (each.length > MAX_SIGNATURE_BYTES) throw malformed("a signature of it is too long");
  }
  return { body, signature, key: { body: keyBody, signature: keySignature } };
}

function assertFew(bodies: readonly string[]): void {
  const limit = LIMITS.auditCheckpointsInMessage.value;
  if (bodies.length > limit) throw malformed(`it comes with more than ${limit} others`);
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
