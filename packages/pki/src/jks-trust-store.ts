import { createHash, type X509Certificate } from "node:crypto";

/** One certificate that a trust store holds. */
export interface TrustedEntry {
  /** In lower case, as Java compares it; unique in its store. */
  readonly alias: string;
  readonly certificate: X509Certificate;
}

const MAGIC = 0xfe_ed_fe_ed;
const VERSION = 2;
const TRUSTED_CERTIFICATE = 2;
/** What Java hashes between password and content; the file's checksum, and no secret. */
const WHITENER = "Mighty Aphrodite";

/**
 * Writes a trust store in Java's own old format, JKS of version 2, with trusted certificates and nothing else: such a store has no
 * secrets, its password is part of a checksum. Java 17 and keytool read it.
 *
 * @param entries at least one
 * @param password printable ASCII; keytool asks for at least 6 characters
 * @param createdAt what keytool lists as the day of each entry
 * @returns the file's bytes
 */
export function writeJksTrustStore(
  entries: readonly TrustedEntry[],
  password: string,
  createdAt: Date,
): Buffer {
  const content = Buffer.concat([
    uint32(MAGIC),
    uint32(VERSION),
    uint32(entries.length),
    ...entries.map((entry) => writeEntry(entry, createdAt)),
  ]);
  const checksum = createHash("sha1")
    .update(Buffer.from(password, "utf16le").swap16())
    .update(WHITENER, "latin1")
    .update(content)
    .digest();
  return Buffer.concat([content, checksum]);
}

function writeEntry({ alias, certificate }: TrustedEntry, createdAt: Date): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigInt64BE(BigInt(createdAt.getTime()));
  return Buffer.concat([
    uint32(TRUSTED_CERTIFICATE),
    text(alias),
    time,
    text("X.509"),
    uint32(certificate.raw.length),
    certificate.raw,
  ]);
}

/** As Java's DataOutputStream.writeUTF writes ASCII: two octets of length before it. */
function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, Buffer.from(value, "ascii")]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
