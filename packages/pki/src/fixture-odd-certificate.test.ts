import { encodeIdentifier } from "./object-identifier.ts";
import { TAG } from "./der-tags.ts";
import { writeBits, writeDer, writeIdentifier } from "./der-writer.ts";

/** The parts of a certificate, each of which can be anything; what is left out is as it should be. */
export interface OddParts {
  readonly version?: Buffer;
  readonly serial?: Buffer;
  readonly algorithm?: Buffer;
  readonly outerAlgorithm?: Buffer;
  readonly issuer?: Buffer;
  readonly notBefore?: Buffer;
  readonly subject?: Buffer;
  readonly key?: Buffer;
  readonly uniqueId?: Buffer;
  readonly extensions?: readonly Buffer[];
  /** The whole field in place of the list of extensions. */
  readonly extensionField?: Buffer;
  readonly signature?: Buffer;
  /** Stands behind the last part of what is signed. */
  readonly inside?: Buffer;
  /** Stands behind the signature. */
  readonly behind?: Buffer;
}

const NOTHING: Buffer = Buffer.alloc(0);
const ECDSA_SHA256 = writeDer(TAG.sequence, writeIdentifier("1.2.840.10045.4.3.2"));

/** Writes a certificate of any parts; nobody signed it, and the reader does not ask. */
export function oddCertificate(odd: OddParts = {}): Buffer {
  const extensions = odd.extensions ?? [basicConstraints("3000")];
  const parts = {
    version: der("a003020102"),
    serial: der("020101"),
    algorithm: ECDSA_SHA256,
    issuer: nameOf(TAG.utf8String, Buffer.from("issuer")),
    notBefore: utcTime("260101000000Z"),
    subject: nameOf(TAG.printableString, Buffer.from("subject")),
    key: keyInfo(),
    uniqueId: NOTHING,
    extensionField: writeDer(0xa3, writeDer(TAG.sequence, ...extensions)),
    signature: writeBits(Buffer.from("signature")),
    inside: NOTHING,
    behind: NOTHING,
    ...odd,
  };
  const { version, serial, algorithm, issuer, subject, key, uniqueId } = parts;
  const validity = writeDer(TAG.sequence, parts.notBefore, utcTime("270101000000Z"));
  const names = [issuer, validity, subject];
  const last = [uniqueId, parts.extensionField, parts.inside];
  const content = writeDer(TAG.sequence, version, serial, algorithm, ...names, key, ...last);
  const outer = odd.outerAlgorithm ?? algorithm;
  return writeDer(TAG.sequence, content, outer, parts.signature, parts.behind);
}

/** One extension of any value, given in hex. */
export function extension(oid: string, valueHex: string, critical: Buffer = NOTHING): Buffer {
  const value = writeDer(TAG.octetString, der(valueHex));
  return writeDer(TAG.sequence, writeIdentifier(oid), critical, value);
}

export function basicConstraints(valueHex: string): Buffer {
  return extension("2.5.29.19", valueHex);
}

/** A subject alternative name with one name. */
export function altName(tag: number, content: Uint8Array): Buffer {
  const names = writeDer(TAG.sequence, writeDer(tag, content));
  return extension("2.5.29.17", names.toString("hex"));
}

/** A name with one common name of a type of string. */
export function nameOf(tag: number, content: Uint8Array): Buffer {
  return nameWith(commonName(tag, content));
}

/** A name with one set of attributes. */
export function nameWith(...attributes: readonly Buffer[]): Buffer {
  return writeDer(TAG.sequence, writeDer(TAG.set, ...attributes));
}

export function commonName(tag: number, content: Uint8Array): Buffer {
  return writeDer(TAG.sequence, writeIdentifier("2.5.4.3"), writeDer(tag, content));
}

export function utcTime(text: string): Buffer {
  return writeDer(TAG.utcTime, Buffer.from(text, "latin1"));
}

/** SubjectPublicKeyInfo with these parameters of its algorithm. */
export function keyInfo(parameters: Buffer = writeIdentifier("1.2.840.10045.3.1.7")): Buffer {
  const algorithm = writeDer(
    TAG.sequence,
    writeDer(TAG.objectIdentifier, encodeIdentifier("1.2.840.10045.2.1")),
    parameters,
  );
  return writeDer(TAG.sequence, algorithm, writeBits(Buffer.alloc(65, 4)));
}

export function der(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}
