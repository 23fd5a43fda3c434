import { decodeLevelOrder, type Instruction, type LevelOrder } from "@tautline/protocol";
import { requireSubject } from "@tautline/pki";

/**
 * Reads the level that an accepted instruction is about, after proving that it is what was signed.
 *
 * @param instruction signed, judged and of kind "level"
 * @param subject that came with it
 * @throws instruction.digest_mismatch, instruction.malformed
 */
export function readLevelInstruction(
  instruction: Instruction,
  subject: Uint8Array | undefined,
): LevelOrder {
  return decodeLevelOrder(requireSubject(instruction, subject));
}
