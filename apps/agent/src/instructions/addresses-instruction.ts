import { decodeCentralAddresses, type Instruction } from "@tautline/protocol";
import { requireSubject } from "@tautline/pki";

/**
 * Reads the addresses that an accepted instruction is about, after proving that they are what was signed.
 *
 * @param instruction signed, judged and of kind "addresses"
 * @param subject that came with it
 * @throws instruction.digest_mismatch, instruction.malformed
 */
export function readAddressesInstruction(
  instruction: Instruction,
  subject: Uint8Array | undefined,
): string[] {
  return decodeCentralAddresses(requireSubject(instruction, subject));
}
