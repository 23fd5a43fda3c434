import { TautlineError } from "./error.ts";
import { CentralAddressesSchema } from "./gen/tautline/v1/instruction_pb.ts";
import { isHostPort } from "./host-port.ts";
import { LIMITS } from "./limits.ts";
import { decodeCanonicalMessage, encodeMessage } from "./message-codec.ts";

const CODE = "instruction.malformed";

/**
 * Writes where central is, as the subject of an instruction of kind "addresses".
 *
 * @param addresses "host:port" each, 1 to 16, none twice, in the order to try
 * @throws instruction.malformed
 */
export function encodeCentralAddresses(addresses: readonly string[]): Uint8Array {
  const fault = findAddressFault(addresses);
  if (fault !== undefined) throw malformed(fault);
  return encodeMessage(CentralAddressesSchema, { addresses: [...addresses] }, CODE);
}

/**
 * Reads the subject of an instruction of kind "addresses"; there is one encoding.
 *
 * @param subject bytes whose SHA-256 was signed
 * @throws instruction.malformed
 */
export function decodeCentralAddresses(subject: Uint8Array): string[] {
  if (subject.length > LIMITS.instructionSubjectBytes.value) {
    throw malformed(`it has more than ${LIMITS.instructionSubjectBytes.value} bytes`);
  }
  const { addresses } = decodeCanonicalMessage(CentralAddressesSchema, subject, CODE);
  const fault = findAddressFault(addresses);
  if (fault !== undefined) throw malformed(fault);
  return addresses;
}

/**
 * Tells what is wrong with a list of central's addresses, as the end of a sentence.
 *
 * @param addresses any texts
 * @returns undefined where nothing is
 */
export function findAddressFault(addresses: readonly string[]): string | undefined {
  if (addresses.length === 0) return "it names no address";
  if (addresses.length > LIMITS.addresses.value) {
    return `it names more than ${LIMITS.addresses.value} addresses`;
  }
  if (!addresses.every(isHostPort)) return "one of its addresses is not host:port";
  return new Set(addresses).size < addresses.length ? "an address stands in it twice" : undefined;
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
