import { createHash } from "node:crypto";
import {
  decodeCentralAddresses,
  equalBytes,
  TautlineError,
  type Instruction,
} from "@tautline/protocol";

/**
 * Reads the addresses that an accepted instruction is about, after proving that they are what was signed.
 *
 * @param instruction signed, judged and of kind "addresses"
 * @param subject that came with it
 * @throws instruction.digest_mismatch, instruction.malformed
 */
export function readAddressesInstruction(
  instruction: Instruction,
  subject: Uint8Array = new Uint8Array(),
): string[] {
  const digest = createHash("sha256").update(subject).digest();
  if (!equalBytes(digest, instruction.digest)) {
    throw new TautlineError("instruction.digest_mismatch");
  }
  return decodeCentralAddresses(subject);
}
