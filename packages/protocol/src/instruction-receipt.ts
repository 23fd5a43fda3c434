import { TautlineError } from "./error.ts";
import { InstructionReceiptSchema } from "./gen/tautline/v1/instruction_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { printableText } from "./printable-text.ts";

/** An agent's answer to one instruction; epoch and number are 0 when the instruction could not be read. */
export interface InstructionReceipt {
  readonly signerEpoch: number;
  readonly seq: bigint;
  /** Empty when carried out, else an error code; a newer agent may send one that this version does not know. */
  readonly code: string;
  /** A sentence for a person. */
  readonly text: string;
}

const CODE = "instruction.receipt_malformed";

/**
 * Encodes a receipt: the data of a custom message. Text over 1,000 characters is cut.
 *
 * @param receipt its parts
 * @throws instruction.receipt_malformed
 */
export function encodeInstructionReceipt(receipt: InstructionReceipt): Uint8Array {
  return encodeMessage(InstructionReceiptSchema, { ...judged(receipt) }, CODE);
}

/**
 * Decodes a receipt. Its text is made printable and bounded, because it goes to logs and terminals.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws instruction.receipt_malformed
 */
export function decodeInstructionReceipt(bytes: Uint8Array): InstructionReceipt {
  return judged(decodeMessage(InstructionReceiptSchema, bytes, CODE));
}

function judged({ signerEpoch, seq, code, text }: InstructionReceipt): InstructionReceipt {
  if (!/^(?:[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,63})?$/.test(code)) {
    throw new TautlineError(CODE, { detail: { reason: "its code is not an error code" } });
  }
  return { signerEpoch, seq, code, text: printableText(text, LIMITS.wireTextCharacters.value) };
}
