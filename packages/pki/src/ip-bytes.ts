import { OctetString } from "@peculiar/asn1-schema";
import { AsnIpConverter } from "@peculiar/asn1-x509";

/**
 * Gives the bytes that a certificate holds for an address or a range.
 *
 * @param text an address ("192.0.2.1", "2001:db8::1") or a range with its prefix length ("0.0.0.0/0")
 * @returns 4 or 16 bytes; for a range the mask follows (RFC 5280 section 4.2.1.10)
 */
export function ipBytes(text: string): Uint8Array {
  const node = AsnIpConverter.toASN(text) as Parameters<OctetString["fromASN"]>[0];
  return new Uint8Array(new OctetString().fromASN(node).buffer);
}
