import { isAgentId } from "./agent-id.ts";
import { TautlineError } from "./error.ts";
import { InstructionSchema, SignedInstructionSchema } from "./gen/tautline/v1/instruction_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeCanonicalMessage, decodeMessage, encodeMessage } from "./message-codec.ts";
import { isNamespace } from "./names.ts";
import { isTimestamp } from "./timestamp.ts";

/** The context label under which instructions are signed, so that the signature means nothing elsewhere. */
export const INSTRUCTION_CONTEXT = "tautline/instruction/v1";

/** What central signs so that one agent will change something (DESIGN "Control"). */
export interface Instruction {
  readonly namespace: string;
  readonly agentId: string;
  /** What is to be done, such as "settings". */
  readonly kind: string;
  /** Grows with every instruction to this agent within an epoch; the first is 1. */
  readonly seq: bigint;
  /** Number of the instructor key's life; the first is 1. */
  readonly signerEpoch: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdMs: number;
  /** After `createdMs`, by a day at most. */
  readonly expiresMs: number;
  /** SHA-256 (32 bytes) of what the instruction is about. */
  readonly digest: Uint8Array;
}

/** An instruction on its way. */
export interface SignedInstruction {
  /** The encoded Instruction, exactly as it was signed. */
  readonly instruction: Uint8Array;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
  /** SHA-256 of the instructor key's SubjectPublicKeyInfo, 32 bytes. */
  readonly keyId: Uint8Array;
  /** What the instruction is about, where no part of OpAMP carries it; empty elsewhere. Good only if its SHA-256 is the digest. */
  readonly subject?: Uint8Array;
}

const CODE = "instruction.malformed";
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_ID_BYTES = 32;
/** The envelope's own bytes: signature, key id, and a few bytes before each field. */
const ENVELOPE_BYTES = 128;

/**
 * Encodes an instruction: the bytes to sign.
 *
 * @param instruction its parts; what they must be is judged here as in `decodeInstruction`
 * @throws instruction.malformed
 */
export function encodeInstruction(instruction: Instruction): Uint8Array {
  assertComplete(instruction);
  const { createdMs, expiresMs } = instruction;
  const times = { createdMs: BigInt(createdMs), expiresMs: BigInt(expiresMs) };
  const bytes = encodeMessage(InstructionSchema, { ...instruction, ...times }, CODE);
  assertFits(bytes, LIMITS.instructionBytes.value);
  return bytes;
}

/**
 * Decodes an instruction whose signature was verified over the same bytes. There is one encoding: unknown fields are
 * refused, because a part that this version would pass over could be the part that forbids something.
 *
 * @param bytes the signed bytes
 * @throws instruction.malformed
 */
export function decodeInstruction(bytes: Uint8Array): Instruction {
  assertFits(bytes, LIMITS.instructionBytes.value);
  const { namespace, agentId, kind, seq, signerEpoch, createdMs, expiresMs, digest } =
    decodeCanonicalMessage(InstructionSchema, bytes, CODE);
  const instruction = {
    namespace,
    agentId,
    kind,
    seq,
    signerEpoch,
    createdMs: Number(createdMs),
    expiresMs: Number(expiresMs),
    digest,
  };
  assertComplete(instruction);
  return instruction;
}

/**
 * Encodes a signed instruction.
 *
 * @param signed the signed bytes, the signature and the key's id
 * @throws instruction.malformed
 */
export function encodeSignedInstruction(signed: SignedInstruction): Uint8Array {
  assertEnvelope(signed);
  return encodeMessage(SignedInstructionSchema, { ...signed }, CODE);
}

/**
 * Decodes a signed instruction; nothing is verified yet.
 *
 * @param bytes a peer's bytes
 * @throws instruction.malformed
 */
export function decodeSignedInstruction(bytes: Uint8Array): SignedInstruction {
  const { instructionBytes, instructionSubjectBytes } = LIMITS;
  assertFits(bytes, instructionBytes.value + instructionSubjectBytes.value + ENVELOPE_BYTES);
  const envelope = decodeMessage(SignedInstructionSchema, bytes, CODE);
  const { instruction, signature, keyId, subject } = envelope;
  const signed = { instruction, signature, keyId, ...(subject.length > 0 && { subject }) };
  assertEnvelope(signed);
  return signed;
}

function assertEnvelope({ instruction, signature, keyId, subject }: SignedInstruction): void {
  assertFits(instruction, LIMITS.instructionBytes.value);
  assertFits(subject ?? new Uint8Array(), LIMITS.instructionSubjectBytes.value);
  if (signature.length !== SIGNATURE_BYTES) throw malformed("its signature is not of 64 bytes");
  if (keyId.length !== KEY_ID_BYTES) throw malformed("its key id is not of 32 bytes");
}

function assertComplete(instruction: Instruction): void {
  const { namespace, agentId, kind, seq, signerEpoch, createdMs, expiresMs, digest } = instruction;
  if (!isNamespace(namespace)) throw malformed("its namespace is not a DNS label");
  if (!isAgentId(agentId)) throw malformed("its agent is not an agent id");
  if (!isKind(kind)) throw malformed("its kind is not a name");
  if (seq < 1n) throw malformed("its number is 0");
  if (signerEpoch < 1) throw malformed("its epoch is 0");
  if (!isTimestamp(createdMs) || !isTimestamp(expiresMs)) throw malformed("a time of it is none");
  if (expiresMs <= createdMs) throw malformed("it expires before it was created");
  if (expiresMs - createdMs > LIMITS.instructionLifetimeMs.value) {
    throw malformed(`it lives longer than ${LIMITS.instructionLifetimeMs.value} ms`);
  }
  if (digest.length !== DIGEST_BYTES) throw malformed("its digest is not of 32 bytes");
}

function isKind(text: string): boolean {
  return (
    text.length <= LIMITS.instructionKindCharacters.value &&
    /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/.test(text)
  );
}

function assertFits(bytes: Uint8Array, limit: number): void {
  if (bytes.length > limit) throw malformed(`it has more than ${limit} bytes`);
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
