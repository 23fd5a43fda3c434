import { createHash } from "node:crypto";

/** Crockford's base32: no letter that a person takes for another letter or a digit. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LABEL = "tautline approval code 1";
const GROUPS = 8;
const GROUP_CHARACTERS = 3;
const BITS = 5;

/**
 * Makes the code by which a person compares the keys that a host holds with those that central is asked to certify. 120 bits of
 * SHA-256: whoever would show the code of another host must find keys for it, which nobody can.
 *
 * @param clientPin SHA-256 of the client key's SPKI, 32 bytes
 * @param serverPin the same of the server key
 * @returns eight groups of three letters and digits, such as `7Q2-0KX-…`
 */
export function approvalCode(clientPin: Uint8Array, serverPin: Uint8Array): string {
  const digest = createHash("sha256").update(LABEL).update(clientPin).update(serverPin).digest();
  let bits =
    BigInt(`0x${digest.toString("hex")}`) >> BigInt(256 - GROUPS * GROUP_CHARACTERS * BITS);
  let text = "";
  for (let left = GROUPS * GROUP_CHARACTERS; left > 0; left -= 1) {
    text = `${ALPHABET.charAt(Number(bits & 31n))}${text}`;
    bits >>= BigInt(BITS);
  }
  return text.match(/.{3}/g)?.join("-") ?? text;
}

/**
 * Tells whether two codes are the same, as people write them: in any case, with or without the hyphens.
 *
 * @param one a code
 * @param other what somebody typed
 */
export function isSameCode(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(code: string): string {
  return code.toUpperCase().replaceAll(/[-\s]/g, "");
}
