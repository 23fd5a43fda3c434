import { TAG } from "./der-tags.ts";

const LAST_ASCII = 0x7f;

/**
 * Tells whether content is of a type of string (X.690 section 8.23) and may stand in it.
 *
 * @param tag identifier octet
 * @param content octets
 */
export function isString(tag: number, content: Uint8Array): boolean {
  switch (tag) {
    case TAG.utf8String:
      return isAscii(content) || isUtf8(content);
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.numericString:
      return isAscii(content);
    case TAG.bmpString:
      return content.length % 2 === 0;
    case TAG.universalString:
      return isUcs4(content);
    case TAG.teletexString:
      return true;
    default:
      return false;
  }
}

/**
 * Tells whether every octet is of ASCII.
 *
 * @param content of a string
 */
export function isAscii(content: Uint8Array): boolean {
  return content.every((octet) => octet <= LAST_ASCII);
}

const LAST_CODE_POINT = 0x10_ffff;

/** Four octets a character, each one that there is: no surrogate, and none beyond the last (ISO 10646). */
function isUcs4(content: Uint8Array): boolean {
  if (content.length % 4 !== 0) return false;
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  for (let at = 0; at < content.length; at += 4) {
    const point = view.getUint32(at);
    if (point > LAST_CODE_POINT || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isUtf8(content: Uint8Array): boolean {
  try {
    decoder.decode(content);
    return true;
  } catch {
    return false;
  }
}
