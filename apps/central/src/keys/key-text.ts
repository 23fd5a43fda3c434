import { randomBytes } from "node:crypto";
import { deriveSharedKey, type SharedKeyPlace } from "@tautline/pki";
import { toBase64Url, weaknessOf } from "@tautline/protocol";

const STRONG_KEY_BYTES = 32;

/** The text of a new version, and what is kept of it. */
export interface NewKeyText {
  /** A text that central made, to be shown once; undefined for one that was given. */
  readonly value: string | undefined;
  /** Why the text is weak; undefined where nothing speaks against it. */
  readonly weakness: string | undefined;
  /** 32 bytes. */
  readonly sharedKey: Buffer;
}

/**
 * Takes a given text, or makes a strong one as `tautline keygen` does, and derives the key from it: some 60 ms, outside of any
 * transaction and never while a caller waits.
 *
 * @param given as a person or a file gave it
 * @param place namespace and name of the key
 * @throws value.key_text
 */
export async function prepareKeyText(
  given: string | undefined,
  place: SharedKeyPlace,
): Promise<NewKeyText> {
  const value = given === undefined ? toBase64Url(randomBytes(STRONG_KEY_BYTES)) : undefined;
  const text = given ?? value ?? "";
  const sharedKey = await deriveSharedKey(text, place);
  return { value, weakness: weaknessOf(text), sharedKey };
}
