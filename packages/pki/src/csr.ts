import { createPublicKey, type KeyObject } from "node:crypto";
import { TAG } from "./der-tags.ts";
import { writeDer } from "./der-writer.ts";
import { encodeSpki } from "./keys.ts";
import { encodePemBlock } from "./pem.ts";
import { encodeSigned } from "./signed-object.ts";
import { encodeSubject } from "./subject-name.ts";

const VERSION_1 = writeDer(TAG.integer, Uint8Array.of(0));
const NO_ATTRIBUTES = writeDer(0xa0);

/**
 * Makes a certificate request (RFC 2986) that gives the key and asks for nothing: central's record decides on names and uses.
 *
 * @param privateKey the key to be certified; signs the request to prove that its owner asks
 * @param commonName the agent id, or nothing
 * @returns PEM "CERTIFICATE REQUEST"
 */
export function createCsr(privateKey: KeyObject, commonName?: string): string {
  const subject = encodeSubject(commonName === undefined ? {} : { commonName });
  const key = encodeSpki(createPublicKey(privateKey));
  const info = writeDer(TAG.sequence, VERSION_1, subject, key, NO_ATTRIBUTES);
  return encodePemBlock("CERTIFICATE REQUEST", encodeSigned(info, privateKey));
}
