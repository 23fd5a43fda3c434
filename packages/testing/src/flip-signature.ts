import { X509Certificate } from "node:crypto";

/** The order of P-256's group (FIPS 186-5, SEC 2 section 2.4.2). */
const P256_ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/**
 * Writes a certificate anew that ECDSA with P-256 signed, with the other of the two signatures that are right for it: `s` becomes
 * `n - s`. It verifies as before and has another hash (threat A17).
 *
 * @param certificate signed by a P-256 key
 * @returns the same certificate in other bytes
 */
export function flipSignature(certificate: X509Certificate): X509Certificate {
  const [content, algorithm, signature] = childrenOf(certificate.raw);
  if (content === undefined || algorithm === undefined || signature === undefined) {
    throw new Error("it is not of a certificate's form");
  }
  // A BIT STRING begins with the number of its unused bits.
  const [r, s] = childrenOf(bodyOf(signature).subarray(1));
  if (r === undefined || s === undefined) throw new Error("it is not signed by ECDSA");
  const flipped = P256_ORDER - BigInt(`0x${bodyOf(s).toString("hex")}`);
  const pair = encode(0x30, Buffer.concat([r, encode(0x02, positive(flipped))]));
  const bits = encode(0x03, Buffer.concat([Buffer.of(0), pair]));
  return new X509Certificate(encode(0x30, Buffer.concat([content, algorithm, bits])));
}

/** The values inside a constructed one, each with its header. */
function childrenOf(value: Buffer): Buffer[] {
  let rest = bodyOf(value);
  const children: Buffer[] = [];
  while (rest.length > 0) {
    const { header, length } = headOf(rest);
    children.push(rest.subarray(0, header + length));
    rest = rest.subarray(header + length);
  }
  return children;
}

function bodyOf(value: Buffer): Buffer {
  const { header, length } = headOf(value);
  return value.subarray(header, header + length);
}

function headOf(value: Buffer): { readonly header: number; readonly length: number } {
  const first = value[1] ?? 0;
  if (first < 0x80) return { header: 2, length: first };
  const size = first & 0x7f;
  return { header: 2 + size, length: value.readUIntBE(2, size) };
}

function encode(tag: number, body: Buffer): Buffer {
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(body.length.toString(16).padStart(4, "0"), "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, body]);
}

function positive(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex");
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
}
