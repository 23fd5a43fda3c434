import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";

/** Which of a key's versions is meant: a key under rotation has two at once, `current` and `next`. */
export interface KeyIdentity {
  /** Name of the key, unique at one central. */
  readonly name: string;
  /** From 1; absent for the version in use, as programs that know names only write it. */
  readonly version?: number;
}

const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;
const VERSION = /^[1-9][0-9]{0,5}$/;

/**
 * Tells whether text can name a key: lower-case letters, digits, dots, dashes and underscores, at most 64.
 *
 * @param text any text
 */
export function isKeyName(text: string): boolean {
  return text.length <= LIMITS.keyNameCharacters.value && NAME.test(text);
}

/**
 * Reads the name of a key; refuses and never normalises.
 *
 * @param text as `isKeyName` says
 * @throws value.key_name
 */
export function parseKeyName(text: string): string {
  if (!isKeyName(text)) throw new TautlineError("value.key_name", { detail: { text } });
  return text;
}

/**
 * Writes a key identity as it travels: `name`, or `name#version`. It is what TLS calls the PSK identity, in clear on the wire.
 *
 * @param identity name and, where known, version
 */
export function formatKeyIdentity({ name, version }: KeyIdentity): string {
  return version === undefined ? name : `${name}#${version}`;
}

/**
 * Reads a key identity; refuses and never normalises.
 *
 * @param text `name` or `name#version`
 * @returns undefined for anything else: strangers send what they like
 */
export function parseKeyIdentity(text: string): KeyIdentity | undefined {
  const [name = "", version, ...rest] = text.split("#", 3);
  if (!isKeyName(name) || rest.length > 0) return undefined;
  if (version === undefined) return { name };
  return VERSION.test(version) ? { name, version: Number(version) } : undefined;
}
