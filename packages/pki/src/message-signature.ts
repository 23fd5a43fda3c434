import { type KeyObject, sign, verify } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { spkiPin } from "./keys.ts";

const SIGNATURE_BYTES = 64;

/**
 * Signs a message for one use, so that a signature made for one use is worth nothing in another.
 *
 * @param privateKey Ed25519
 * @param context names the use, such as INSTRUCTION_CONTEXT
 * @param message any bytes
 * @returns the Ed25519 signature (RFC 8032), 64 bytes, over the length of the context as 4 bytes, the context, and the message
 * @throws pki.key_not_accepted if the key is not Ed25519
 */
export function signMessage(privateKey: KeyObject, context: string, message: Uint8Array): Buffer {
  if (privateKey.asymmetricKeyType !== "ed25519") {
    throw new TautlineError("pki.key_not_accepted", {
      detail: { reason: "messages are signed with Ed25519 keys only" },
    });
  }
  return sign(null, frameMessage(context, message), privateKey);
}

/**
 * Tells whether a signature by `signMessage` is right for this key, this use and this message.
 *
 * @param publicKey Ed25519; any other kind verifies nothing
 * @param context names the use
 * @param message the bytes
 * @param signature as received; any length
 */
export function verifyMessage(
  publicKey: KeyObject,
  context: string,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.asymmetricKeyType !== "ed25519" || signature.length !== SIGNATURE_BYTES)
    return false;
  return verify(null, frameMessage(context, message), publicKey, signature);
}

/**
 * Gives the name of a signing key in messages: its SPKI pin.
 *
 * @param publicKey the signer's key
 * @returns 32 bytes
 */
export function keyId(publicKey: KeyObject): Buffer {
  return spkiPin(publicKey);
}

/**
 * Gives the bytes that are signed for one use: the length of the context as 4 big-endian bytes, the context, the message. The
 * length comes first: else context "a" with message "bc" and context "ab" with message "c" would be signed alike.
 *
 * @param context names the use
 * @param message any bytes
 */
export function frameMessage(context: string, message: Uint8Array): Buffer {
  const label = Buffer.from(context, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(label.length);
  return Buffer.concat([length, label, message]);
}
