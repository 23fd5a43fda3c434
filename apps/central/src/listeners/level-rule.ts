import { compareLevels, type Level } from "@tautline/protocol";

/** What decides whether a caller's level is enough. */
export interface LevelledCaller {
  /** What its connection was proven to have. */
  readonly level: Level;
  /**
   * What it shows besides: a join token; a certificate, also one that is not accepted, which has its own refusal; or nothing of
   * the two.
   */
  readonly shows: "token" | "certificate" | "nothing";
}

/** `closed`: the level is not accepted; the others say what is wrong with a caller at a level that is. */
export type LevelVerdict = "accepted" | "closed" | "certificate needed" | "token in the open";

/**
 * Decides whether a level is accepted at all, before anything but the level is known.
 *
 * Proof is never refused for being more: where `tls` is accepted, `mtls` is. Where only `mtls` is, a caller at `tls` is heard, for
 * it may join by a token or renew a certificate.
 *
 * @param level of a connection
 * @param accepted where it arrived
 */
export function hearsLevel(level: Level, accepted: readonly Level[]): boolean {
  if (level === "tls" || level === "mtls") {
    return accepted.includes("tls") || accepted.includes("mtls");
  }
  return accepted.includes(level);
}

/**
 * Decides whether a caller comes in at its level: the whole rule of what listeners accept.
 *
 * @param caller its level and what it shows
 * @param accepted where it arrived
 */
export function judgeLevel(
  { level, shows }: LevelledCaller,
  accepted: readonly Level[],
): LevelVerdict {
  // A token opens the door to an identity: it is not to be read on its way, nor by all who hold a shared key. Wherever it was shown.
  if (shows === "token" && compareLevels(level, "tls") < 0) return "token in the open";
  if (!hearsLevel(level, accepted)) return "closed";
  if (level === "mtls") return "accepted";
  if (level === "tls") {
    return accepted.includes("tls") || shows !== "nothing" ? "accepted" : "certificate needed";
  }
  return "accepted";
}
