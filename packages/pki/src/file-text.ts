import { TautlineError } from "@tautline/protocol";

/** A bundle of authorities is smaller; more is another file given by mistake. */
const MAX_FILE_BYTES = 256 * 1024;
const JAVA_KEY_STORE = Buffer.of(0xfe, 0xed, 0xfe, 0xed);
const UTF8_MARK = Buffer.of(0xef, 0xbb, 0xbf);
const UTF16_MARKS = [Buffer.of(0xff, 0xfe), Buffer.of(0xfe, 0xff)];
/** Every certificate and key in DER is a SEQUENCE, and no text begins with "0" and such a byte. */
const SEQUENCE = 0x30;

/** A file of a PKI: PEM text with plain line ends, or the bytes of DER. */
export type PkiFile = { readonly pem: string } | { readonly der: Buffer };

/**
 * Tells PEM from DER, and takes off what editors of other systems put around text: a byte order mark, CR before or instead of LF.
 *
 * @param bytes the whole file, at most 256 KiB
 * @throws pki.pem_malformed for an empty file, one that is too long, UTF-16 text, and what is neither
 */
export function readPkiFile(bytes: Uint8Array): PkiFile {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (file.length === 0) throw malformed("the file is empty");
  if (file.length > MAX_FILE_BYTES) throw malformed(`it has more than ${MAX_FILE_BYTES} bytes`);
  if (UTF16_MARKS.some((mark) => file.subarray(0, 2).equals(mark))) {
    throw malformed("it is UTF-16 text; save it as UTF-8");
  }
  if (file.subarray(0, 4).equals(JAVA_KEY_STORE)) {
    throw malformed(
      "it is a Java key store; 'keytool -exportcert -rfc' writes what is in it as PEM",
    );
  }
  const content = file.subarray(0, 3).equals(UTF8_MARK) ? file.subarray(3) : file;
  // Latin-1 reads any byte; a block that holds one above 127 is no base64 and refused as such.
  const text = content.toString("latin1");
  if (text.includes("-----BEGIN ")) return { pem: text.replaceAll(/\r\n?/g, "\n") };
  if (content[0] === SEQUENCE) return { der: content };
  throw malformed("it has no '-----BEGIN' line, and is no DER either");
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.pem_malformed", { detail: { reason } });
}
