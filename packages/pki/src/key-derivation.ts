import { scrypt } from "node:crypto";
import { parseKeyName, parseKeyText, parseNamespace } from "@tautline/protocol";

/** Where a shared key is at home: the same text is another key elsewhere. */
export interface SharedKeyPlace {
  readonly namespace: string;
  /** Name of the key. */
  readonly name: string;
}

const KEY_BYTES = 32;
const LABEL = "tautline key 1";
/** 32 MiB and some 60 ms a guess: a weak text stays weak, but not for free. */
const SCRYPT = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * Derives the key that two ends share from its text (docs/reference/links.md): scrypt (RFC 7914) with the place as salt. As it stands
 * it is the key of TLS; `basicPsk` of the link derives that of the level `basic` from it.
 *
 * @param text any UTF-8 but control characters, at most 1,024 bytes; taken as it is
 * @param place namespace and name of the key
 * @returns 32 bytes
 * @throws value.key_text, value.namespace, value.key_name
 */
export function deriveSharedKey(text: string, place: SharedKeyPlace): Promise<Buffer> {
  const bytes = Buffer.from(parseKeyText(text), "utf8");
  const salt = [LABEL, parseNamespace(place.namespace), parseKeyName(place.name)].join("\0");
  return new Promise((resolve, reject) => {
    scrypt(bytes, salt, KEY_BYTES, SCRYPT, (error, key) => {
      bytes.fill(0);
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
