const ENCRYPT = "encrypt";

/** The settings of the encryption, as they end whatever prefix stands before them (OV-7, OV-8, OV-9). */
export const ENCRYPTION_SETTINGS = ["encrypt", "encrypt.fast", "encrypt.key"] as const;

/** Every setting of an old pair that is read: also where the other end was. */
export const PAIR_SETTINGS = [
  ...ENCRYPTION_SETTINGS,
  "collector.host",
  "collector.port",
  "listen.port",
] as const;

/** One of them. */
export type PairSetting = (typeof PAIR_SETTINGS)[number];

/** A name taken apart. */
export interface SettingName {
  /** `takipi.` with its dot, or empty. */
  readonly prefix: string;
  readonly setting: PairSetting;
}

/**
 * Takes the name of a pair's setting apart.
 *
 * @param name of any setting
 * @returns undefined for every other setting, mistyped ones included
 */
export function readSettingName(name: string): SettingName | undefined {
  for (const setting of PAIR_SETTINGS) {
    if (name === setting) return { prefix: "", setting };
    if (name.endsWith(`.${setting}`)) return { prefix: name.slice(0, -setting.length), setting };
  }
  return undefined;
}

/**
 * Tells whether a part of a name is the word, or one slip of the hand away from it, and so must not be passed over:
 * a typo would switch encryption off in silence (SWP-1).
 *
 * @param name of a setting that is none of ours
 * @param word in small letters
 */
export function resembles(name: string, word: string = ENCRYPT): boolean {
  return name
    .toLowerCase()
    .split(/[._-]/)
    .some((part) => isNear(part, word));
}

/** Equal, or one letter more, fewer, other, or two neighbours exchanged. */
function isNear(part: string, word: string): boolean {
  if (Math.abs(part.length - word.length) > 1) return false;
  let at = 0;
  while (at < word.length && part[at] === word[at]) at += 1;
  const [left, right] = [part.slice(at), word.slice(at)];
  return (
    left.slice(1) === right.slice(1) ||
    left.slice(1) === right ||
    left === right.slice(1) ||
    (left.slice(2) === right.slice(2) && left[0] === right[1] && left[1] === right[0])
  );
}
