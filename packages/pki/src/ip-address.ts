import type { X509Certificate } from "node:crypto";
import { OctetString } from "@peculiar/asn1-schema";
import { AsnIpConverter } from "@peculiar/asn1-x509";

/**
 * Gives the bytes that a certificate holds for an address or a range.
 *
 * @param text an address ("192.0.2.1", "2001:db8::1") or a range with its prefix length ("0.0.0.0/0")
 * @returns 4 or 16 bytes, for a range followed by the mask (RFC 5280 section 4.2.1.10); undefined for other text
 */
export function ipBytes(text: string): Uint8Array | undefined {
  try {
    const node = AsnIpConverter.toASN(text) as Parameters<OctetString["fromASN"]>[0];
    return new Uint8Array(new OctetString().fromASN(node).buffer);
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a certificate names an address in its subject alternative name; OpenSSL reads the text and compares the bytes.
 *
 * @param certificate any certificate
 * @param address text; what is no address is in no certificate
 */
export function namesIpAddress(certificate: X509Certificate, address: string): boolean {
  try {
    return certificate.checkIP(address) !== undefined;
  } catch {
    return false;
  }
}
