import type { BasicRefusal } from "@tautline/link";
import { decideLink, type Level, TautlineError } from "@tautline/protocol";
import type { LevelVerdict } from "./level-rule.ts";

/**
 * Says why a caller is refused for its level. It is told to anybody, so it names levels and settings and nobody.
 *
 * @param verdict what the rule said
 * @param level the caller's
 * @param accepted where it arrived, or at all
 * @returns undefined for a caller whom the admission judges further
 */
export function refusalFor(
  verdict: LevelVerdict,
  level: Level,
  accepted: readonly Level[],
): TautlineError | undefined {
  // A token in the open is refused by the admission, which ends the token too.
  if (verdict === "accepted" || verdict === "token in the open") return undefined;
  if (verdict === "closed") return levelNotAccepted(level, accepted);
  const detail = { accepted: accepted.join(", "), command: commandFor("tls", accepted) };
  return new TautlineError("admission.certificate_needed", { detail });
}

/**
 * Says that a level is not accepted, what each end lacks, and the setting (OV-20, OVP-1).
 *
 * @param level the caller's
 * @param accepted where it arrived, or at all
 */
export function levelNotAccepted(level: Level, accepted: readonly Level[]): TautlineError {
  const rule = { offMeetsBasic: "require" } as const;
  const decision = decideLink({ levels: [level] }, { levels: accepted }, rule);
  // A port that hears a level and refuses it all the same says so by another verdict.
  if (decision.ok) return new TautlineError("internal.unexpected");
  const { reason, remedy } = decision;
  const command = commandFor(level, accepted);
  const detail = { level, reason, remedy, command };
  return new TautlineError("admission.level_not_accepted", { detail });
}

/**
 * Says that a level is accepted, and not on this port: no setting is wrong but the address that was dialled.
 *
 * @param level the caller's
 */
export function levelElsewhere(level: Level): TautlineError {
  const reason = `It accepts ${level} on another port than this one.`;
  const remedy = "Dial that port.";
  const detail = { level, reason, remedy, command: "tautline listeners list" };
  return new TautlineError("admission.level_not_accepted", { detail });
}

/**
 * Writes a refusal as the level `basic` and HTTP/2 carry it.
 *
 * @param error why
 */
export function asRefusal({ code, message, remedy }: TautlineError): BasicRefusal {
  return { code, text: message, remedy };
}

function commandFor(level: Level, accepted: readonly Level[]): string {
  if (level === "plaintext") return "tautline listeners set plaintext --bind public";
  const secure = [...accepted.filter((each) => each !== "plaintext" && each !== level), level];
  return `tautline listeners set agents --levels ${secure.join(",")}`;
}
