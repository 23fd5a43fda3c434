import { TAG } from "./der-tags.ts";
import { writeDer, writeIdentifier } from "./der-writer.ts";
import type { TrustedEntry } from "./jks-trust-store.ts";

const FRIENDLY_NAME = writeIdentifier("1.2.840.113549.1.9.20");
/** Oracle's attribute that makes a certificate a trusted one, for any use; keytool lists no entry without it. */
const TRUSTED = writeDer(
  TAG.sequence,
  writeIdentifier("2.16.840.1.113894.746875.1.1"),
  writeDer(TAG.set, writeIdentifier("2.5.29.37.0")),
);
/** RFC 7292 section 4.2.3. */
const CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3";
/** What keytool of Java 17 takes for both itself. */
const ITERATIONS = 10_000;
const BY_PASSWORD = { integrity: 0, privacy: 1 } as const;

/**
 * Writes a trust store as PKCS#12 (RFC 7292): trusted certificates under PBES2 with AES-256, and a checksum by HMAC-SHA-256.
 * keytool lists them because of the attribute trustedKeyUsage.
 *
 * @param entries at least one
 * @param password printable ASCII; keytool asks for at least 6 characters
 * @returns the file's bytes
 */
export async function writePkcs12TrustStore(
  entries: readonly TrustedEntry[],
  password: string,
): Promise<Buffer> {
  // 6 MB that nobody else here needs.
  const { Attribute, AuthenticatedSafe, CertBag, Certificate, PFX, SafeBag, SafeContents } =
    await import("pkijs");
  const safeBags = entries.map(({ alias, certificate }) => {
    const parsedValue = Certificate.fromBER(certificate.raw);
    const bagAttributes = [friendlyName(alias), TRUSTED].map((der) => Attribute.fromBER(der));
    return new SafeBag({
      bagId: CERTIFICATE_BAG,
      bagValue: new CertBag({ parsedValue }),
      bagAttributes,
    });
  });
  const secret = Uint8Array.from(Buffer.from(password, "ascii")).buffer;
  const content = { privacyMode: BY_PASSWORD.privacy, value: new SafeContents({ safeBags }) };
  const authenticatedSafe = new AuthenticatedSafe({ parsedValue: { safeContents: [content] } });
  const common = { password: secret, hmacHashAlgorithm: "SHA-256" };
  const sealed = {
    ...common,
    contentEncryptionAlgorithm: { name: "AES-CBC", length: 256 },
    iterationCount: ITERATIONS,
  };
  await authenticatedSafe.makeInternalValues({ safeContents: [sealed] });
  const store = new PFX({
    parsedValue: { integrityMode: BY_PASSWORD.integrity, authenticatedSafe },
  });
  const stamped = { ...common, iterations: ITERATIONS, pbkdf2HashAlgorithm: "SHA-256" };
  await store.makeInternalValues(stamped);
  return Buffer.from(store.toSchema().toBER());
}

/** A BMPString holds 16 bits a character, the higher octet first. */
function friendlyName(alias: string): Buffer {
  const text = Buffer.from(alias, "utf16le").swap16();
  return writeDer(TAG.sequence, FRIENDLY_NAME, writeDer(TAG.set, writeDer(TAG.bmpString, text)));
}
