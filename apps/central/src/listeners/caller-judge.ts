import type { IncomingHttpHeaders } from "node:http";
import { judgeLocalRequest } from "@tautline/link";
import { LEVELS, type Level, TautlineError } from "@tautline/protocol";
import type { Caller } from "../control/caller.ts";
import { refusalFor } from "./level-refusal.ts";
import { hearsLevel, judgeLevel, type LevelledCaller } from "./level-rule.ts";
import { type ListenerSettings, placeOf } from "./listener-settings.ts";
import { isLoopback } from "./loopback-rule.ts";
import type { AgentsPortName, SecuredConnection } from "./secured-connection.ts";

/** The levels that are accepted on either port. */
export function acceptedLevels(settings: ListenerSettings): readonly Level[] {
  const names = ["agents", "plaintext"] as const;
  const accepted = new Set(names.flatMap((name) => placeOf(settings, name).levels));
  return LEVELS.filter((level) => accepted.has(level));
}

/** The listener that links of a level belong to, also where both share a port. */
export function listenerOf(level: Level): AgentsPortName {
  return level === "plaintext" ? "plaintext" : "agents";
}

/**
 * Judges a request by how its connection is secured, before anything else is looked at.
 *
 * @param settings that hold now
 * @param connection on which it came
 * @param headers of the request
 * @returns the refusal, or undefined
 */
export function judgeRequest(
  settings: ListenerSettings,
  connection: SecuredConnection,
  headers: Pick<IncomingHttpHeaders, "authorization" | "host" | "origin">,
): TautlineError | undefined {
  const { evidence, remoteAddress } = connection;
  const { level } = evidence;
  const shows = showsOf(connection, headers);
  const refusal = judgeLevelled(settings, { level, shows, remoteAddress });
  if (refusal !== undefined) return refusal;
  const isLocal = placeOf(settings, listenerOf(level)).bind === "loopback";
  // Over TLS a browser would have to trust central's certificate, which none does.
  const reason = isLocal && level === "plaintext" ? judgeLocalRequest(headers) : undefined;
  return reason === undefined
    ? undefined
    : new TautlineError("admission.foreign_page", { detail: { reason } });
}

/**
 * Judges somebody who was let in, by settings that hold now.
 *
 * @param settings that hold now
 * @param caller what was proven of it
 * @returns why it has to go, or undefined
 */
export function judgeStanding(
  settings: ListenerSettings,
  { kind, evidence, remoteAddress }: Pick<Caller, "kind" | "evidence" | "remoteAddress">,
): TautlineError | undefined {
  const shows = SHOWN[kind] ?? "nothing";
  return judgeLevelled(settings, { level: evidence.level, shows, remoteAddress });
}

const SHOWN: Readonly<Partial<Record<Caller["kind"], LevelledCaller["shows"]>>> = {
  token: "token",
  lapsed: "certificate",
};

/**
 * Judges a connection on which nobody has asked for anything yet.
 *
 * @param settings that hold now
 * @param connection how it is secured, and from where it came
 * @returns why it has to go, or undefined
 */
export function judgeConnection(
  settings: ListenerSettings,
  { evidence: { level }, remoteAddress }: Pick<SecuredConnection, "evidence" | "remoteAddress">,
): TautlineError | undefined {
  const accepted = acceptedLevels(settings);
  const verdict = hearsLevel(level, accepted) ? "accepted" : "closed";
  return refusalFor(verdict, level, accepted) ?? judgePlace(settings, level, remoteAddress);
}

function judgeLevelled(
  settings: ListenerSettings,
  { remoteAddress, ...caller }: LevelledCaller & { readonly remoteAddress: string },
): TautlineError | undefined {
  const accepted = acceptedLevels(settings);
  const { level } = caller;
  const refusal = refusalFor(judgeLevel(caller, accepted), level, accepted);
  return refusal ?? judgePlace(settings, level, remoteAddress);
}

/**
 * Judges a caller by where it calls from alone.
 *
 * @param settings that hold now
 * @param level of its connection
 * @param remoteAddress without a port
 * @returns the refusal of a caller from elsewhere where only this host is heard
 */
export function judgePlace(
  settings: ListenerSettings,
  level: Level,
  remoteAddress: string,
): TautlineError | undefined {
  const { bind } = placeOf(settings, listenerOf(level));
  return bind === "loopback" && !isLoopback(remoteAddress)
    ? new TautlineError("admission.loopback_only", { detail: { level } })
    : undefined;
}

function showsOf(
  { refusal, lapsed }: SecuredConnection,
  { authorization }: Pick<IncomingHttpHeaders, "authorization">,
): LevelledCaller["shows"] {
  if (refusal !== undefined || lapsed !== undefined) return "certificate";
  return authorization === undefined ? "nothing" : "token";
}
