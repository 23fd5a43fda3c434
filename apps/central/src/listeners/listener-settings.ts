import { LEVELS, type Level, TautlineError } from "@tautline/protocol";
import type { AgentsPortName } from "./secured-connection.ts";

/** Who reaches a listener: everybody, this host alone (QM-13), nobody. */
export const LISTENER_BINDS = ["public", "loopback", "off"] as const;

/** One of them. */
export type ListenerBind = (typeof LISTENER_BINDS)[number];

/** The levels of the secure port. */
export type SecureLevel = Exclude<Level, "plaintext">;

/** The same as a list, in rising order. */
export const SECURE_LEVELS = LEVELS.filter((level): level is SecureLevel => level !== "plaintext");

/** What central's ports for agents are set to. */
export interface ListenerSettings {
  readonly agents: {
    readonly bind: Exclude<ListenerBind, "off">;
    readonly port: number;
    readonly levels: readonly SecureLevel[];
  };
  readonly plaintext: { readonly bind: ListenerBind; readonly port: number };
  /** Plaintext is spoken on the secure port, and has no port of its own. */
  readonly isShared: boolean;
  /**
   * Plaintext is listened to for everybody, whatever it is set to, to tell callers of some source addresses where they can join; nobody is accepted for
   * that. True only while a re-opening holds, and never kept.
   */
  readonly isReopened?: boolean | undefined;
}

/** A change that somebody asks for; what is not named stays. */
export interface ListenerChange {
  readonly port?: number | undefined;
  readonly levels?: readonly Level[] | undefined;
  readonly bind?: ListenerBind | undefined;
  readonly shared?: true | undefined;
}

/** Where one name really is: the plaintext listener goes where the secure one is if they share a port. */
export interface ListenerPlace {
  readonly bind: ListenerBind;
  readonly port: number;
  /** In rising order. */
  readonly levels: readonly Level[];
}

/**
 * Tells where a listener is and what is accepted there.
 *
 * @param settings of both
 * @param name which
 */
export function placeOf(settings: ListenerSettings, name: AgentsPortName): ListenerPlace {
  const { agents, plaintext, isShared } = settings;
  if (name === "plaintext") {
    const { bind, port } = isShared ? agents : plaintext;
    return { bind, port, levels: bind === "off" ? [] : ["plaintext"] };
  }
  const levels = LEVELS.filter((level) =>
    level === "plaintext" ? isShared : agents.levels.includes(level),
  );
  return { bind: agents.bind, port: agents.port, levels };
}

/**
 * Refuses one port for both, unless they share it on purpose (QM-7).
 *
 * @throws central.ports_equal
 */
export function requireApart({ agents, plaintext, isShared }: ListenerSettings): void {
  // Port 0 is a free one each.
  if (isShared || plaintext.bind === "off" || agents.port === 0) return;
  if (agents.port !== plaintext.port) return;
  throw new TautlineError("central.ports_equal", { detail: { port: agents.port } });
}

/**
 * Works out what a change makes of the settings.
 *
 * @param now what is set
 * @param name which listener is changed
 * @param change what is asked for
 * @throws central.ports_equal, api.invalid
 */
export function changeSettings(
  now: ListenerSettings,
  name: AgentsPortName,
  change: ListenerChange,
): ListenerSettings {
  const changed = name === "agents" ? changeAgents(now, change) : changePlaintext(now, change);
  const { isReopened } = now;
  const next = isReopened === undefined ? changed : { ...changed, isReopened };
  requireApart(next);
  return next;
}

function changeAgents(now: ListenerSettings, change: ListenerChange): ListenerSettings {
  const { bind = now.agents.bind, port = now.agents.port, levels, shared } = change;
  if (bind === "off") {
    throw invalid("bind", "agents join and are secured here; take levels away instead");
  }
  const secure = levels?.filter((level) => level !== "plaintext") ?? now.agents.levels;
  if (secure.length === 0) throw invalid("levels", "a secure level has to remain");
  const asksPlaintext = levels?.includes("plaintext") ?? shared ?? now.isShared;
  if (asksPlaintext && shared === undefined && !now.isShared) {
    throw invalid("levels", "plaintext on the secure port needs --shared");
  }
  return {
    agents: { bind, port, levels: SECURE_LEVELS.filter((level) => secure.includes(level)) },
    // Whoever lists the levels of a shared port without plaintext wants none there.
    plaintext: now.isShared && !asksPlaintext ? { ...now.plaintext, bind: "off" } : now.plaintext,
    isShared: asksPlaintext,
  };
}

function changePlaintext(now: ListenerSettings, change: ListenerChange): ListenerSettings {
  const { bind, port, levels, shared } = change;
  if (levels?.some((level) => level !== "plaintext") === true || levels?.length === 0) {
    throw invalid("levels", "this listener has the level plaintext and no other");
  }
  const { agents } = now;
  if (shared === true) {
    if (port !== undefined && port !== agents.port) {
      throw invalid("port", `the shared port is ${agents.port}, that of the listener 'agents'`);
    }
    if (bind !== undefined && bind !== agents.bind) {
      throw invalid("bind", `the shared port is ${agents.bind}, as the listener 'agents'`);
    }
    return { ...now, isShared: true };
  }
  if (bind === undefined && port === undefined) return now;
  // On a port of its own again, for whom it was until now.
  const before = now.isShared ? agents.bind : now.plaintext.bind;
  const plaintext = { bind: bind ?? before, port: port ?? now.plaintext.port };
  return { agents, plaintext, isShared: false };
}

function invalid(path: string, reason: string): TautlineError {
  return new TautlineError("api.invalid", { detail: { path, reason } });
}
