import { createHash } from "node:crypto";
import {
  decodeInstruction,
  decodeSignedInstruction,
  equalBytes,
  INSTRUCTION_CONTEXT,
  isTautlineError,
  TautlineError,
  type Instruction,
} from "@tautline/protocol";
import { importPublicKey } from "./keys.ts";
import { keyId, verifyMessage } from "./message-signature.ts";

/**
 * Opens a signed envelope by the instructor key pinned at the join; no key that travels with it is ever used (A10).
 *
 * @param envelope encoded SignedInstruction
 * @param instructorKeyPem Ed25519 SPKI in PEM, from the agent's sealed identity
 * @returns the instruction exactly as it was signed, and its subject, which nothing proves until its hash is the digest
 * @throws instruction.malformed, instruction.bad_signature
 */
export function openSignedInstruction(
  envelope: Uint8Array,
  instructorKeyPem: string,
): { readonly instruction: Instruction; readonly subject: Uint8Array | undefined } {
  const signed = readable(() => decodeSignedInstruction(envelope));
  const key = importPublicKey(instructorKeyPem);
  const isKnownKey = keyId(key).equals(signed.keyId);
  if (
    !isKnownKey ||
    !verifyMessage(key, INSTRUCTION_CONTEXT, signed.instruction, signed.signature)
  ) {
    throw new TautlineError("instruction.bad_signature");
  }
  const { subject } = signed;
  return { instruction: readable(() => decodeInstruction(signed.instruction)), subject };
}

/**
 * Gives the subject of an instruction once its hash is what was signed.
 *
 * @param instruction signed
 * @param subject that came with it; left out, it is empty
 * @throws instruction.digest_mismatch
 */
export function requireSubject(
  { digest }: Instruction,
  subject: Uint8Array = new Uint8Array(),
): Uint8Array {
  if (equalBytes(createHash("sha256").update(subject).digest(), digest)) return subject;
  throw new TautlineError("instruction.digest_mismatch");
}

function readable<Result>(decode: () => Result): Result {
  try {
    return decode();
  } catch (cause) {
    if (isTautlineError(cause) && cause.code === "instruction.malformed") throw cause;
    throw new TautlineError("instruction.malformed", {
      cause,
      detail: { reason: "it is not an envelope" },
    });
  }
}
