import { X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { readPkiFile } from "./file-text.ts";
import { certificatesFromPem } from "./pem.ts";

/**
 * Reads the certificates of a file that another PKI made: PEM with any number of them and text around, or one in DER (SW-2).
 *
 * @param bytes the whole file, at most 256 KiB
 * @returns at least one certificate, in the order of the file; none is judged
 * @throws pki.pem_malformed, pki.certificate_malformed
 */
export function readCertificateFile(bytes: Uint8Array): readonly X509Certificate[] {
  const file = readPkiFile(bytes);
  return "pem" in file ? certificatesFromPem(file.pem) : [readDer(file.der)];
}

function readDer(der: Buffer): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (cause) {
    const reason =
      "it is DER, but no X.509 certificate (a .p12 or .pfx file has to be converted: openssl pkcs12 -in FILE -nodes)";
    throw new TautlineError("pki.certificate_malformed", { detail: { reason }, cause });
  }
  // OpenSSL stops reading at its end.
  if (certificate.raw.length === der.length) return certificate;
  const reason = "bytes follow the certificate";
  throw new TautlineError("pki.certificate_malformed", { detail: { reason } });
}
