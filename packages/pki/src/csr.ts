import { createPublicKey, type KeyObject } from "node:crypto";
import { CertificationRequestInfo } from "@peculiar/asn1-csr";
import { SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import { decodeDer, encodeDer } from "./der.ts";
import { encodeSpki } from "./keys.ts";
import { encodePemBlock } from "./pem.ts";
import { encodeSigned } from "./signed-object.ts";
import { subjectName } from "./subject-name.ts";

/**
 * Makes a certificate request (RFC 2986) that gives the key and asks for nothing: central's record decides on names and uses.
 *
 * @param privateKey the key to be certified; signs the request to prove that its owner asks
 * @param commonName the agent id, or nothing
 * @returns PEM "CERTIFICATE REQUEST"
 */
export function createCsr(privateKey: KeyObject, commonName?: string): string {
  const info = new CertificationRequestInfo({
    subject: subjectName(commonName === undefined ? {} : { commonName }),
    subjectPKInfo: decodeDer(encodeSpki(createPublicKey(privateKey)), SubjectPublicKeyInfo, {
      code: "pki.key_malformed",
      what: "the public key",
    }),
  });
  return encodePemBlock("CERTIFICATE REQUEST", encodeSigned(encodeDer(info), privateKey));
}
