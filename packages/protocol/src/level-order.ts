import { findAddressFault } from "./central-addresses.ts";
import { TautlineError } from "./error.ts";
import { LevelOrderSchema } from "./gen/tautline/v1/instruction_pb.ts";
import { isLevel, type Level } from "./level.ts";
import { LIMITS } from "./limits.ts";
import { decodeCanonicalMessage, encodeMessage } from "./message-codec.ts";

const CODE = "instruction.malformed";

/** What an instruction of kind "level" is about: the level that an agent shall climb to. */
export interface LevelOrder {
  readonly level: Level;
  /** "host:port" each, where central hears that level, in the order to try; at most 16, and none leaves it to the agent's own. */
  readonly addresses: readonly string[];
}

/**
 * Writes a level to climb to, as the subject of an instruction of kind "level".
 *
 * @param order level and addresses
 * @throws instruction.malformed
 */
export function encodeLevelOrder({ level, addresses }: LevelOrder): Uint8Array {
  const fault = findOrderFault(level, addresses);
  if (fault !== undefined) throw malformed(fault);
  return encodeMessage(LevelOrderSchema, { level, addresses: [...addresses] }, CODE);
}

/**
 * Reads the subject of an instruction of kind "level"; there is one encoding.
 *
 * @param subject bytes whose SHA-256 was signed
 * @throws instruction.malformed
 */
export function decodeLevelOrder(subject: Uint8Array): LevelOrder {
  if (subject.length > LIMITS.instructionSubjectBytes.value) {
    throw malformed(`it has more than ${LIMITS.instructionSubjectBytes.value} bytes`);
  }
  const { level, addresses } = decodeCanonicalMessage(LevelOrderSchema, subject, CODE);
  const fault = findOrderFault(level, addresses);
  if (fault !== undefined || !isLevel(level)) throw malformed(fault ?? "it names no level");
  return { level, addresses };
}

function findOrderFault(level: string, addresses: readonly string[]): string | undefined {
  if (!isLevel(level)) return "it names no level";
  return addresses.length === 0 ? undefined : findAddressFault(addresses);
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
