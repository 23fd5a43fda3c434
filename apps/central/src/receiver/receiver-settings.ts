import type { KeptListener } from "../listeners/listener-rows.ts";
import type { HostPort } from "@tautline/link";
import { LEVELS, type Level, TautlineError } from "@tautline/protocol";
import {
  type ListenerBind,
  type ListenerChange,
  SECURE_LEVELS,
  type SecureLevel,
} from "../listeners/listener-settings.ts";
import type { ReceiverPortName } from "../listeners/secured-connection.ts";

/** The ports for telemetry, in the order in which they open. */
export const RECEIVER_PORTS = ["receiver", "receiver-plaintext"] as const;

/** What they are set to; both are off on a fresh install. */
export interface ReceiverSettings {
  readonly receiver: {
    readonly bind: ListenerBind;
    readonly port: number;
    readonly levels: readonly SecureLevel[];
  };
  readonly "receiver-plaintext": { readonly bind: ListenerBind; readonly port: number };
}

/** The ports for telemetry as they are set now, and where they really are. */
export interface SetPorts {
  settings(): ReceiverSettings;
  /** The addresses really taken. */
  addressesOf(name: ReceiverPortName): readonly HostPort[];
}

/** What was set of them while central ran; undefined where the settings file still decides. */
export type KeptReceiver = Readonly<Record<ReceiverPortName, KeptListener>>;

/**
 * Tells which levels are accepted at a port now.
 *
 * @param settings of both
 * @param name which
 * @returns in rising order; none where it is off
 */
export function receiverLevels(
  settings: ReceiverSettings,
  name: ReceiverPortName,
): readonly Level[] {
  if (settings[name].bind === "off") return [];
  if (name === "receiver-plaintext") return ["plaintext"];
  return LEVELS.filter(
    (level) => level !== "plaintext" && settings.receiver.levels.includes(level),
  );
}

/**
 * Works out what a change makes of the settings.
 *
 * @param now what is set
 * @param name which port is changed
 * @param change what is asked for
 * @throws api.invalid
 */
export function changeReceiver(
  now: ReceiverSettings,
  name: ReceiverPortName,
  change: ListenerChange,
): ReceiverSettings {
  const { port = now[name].port, levels, shared } = change;
  // Whoever gives a port or levels to a port that is off means it to listen.
  const isOpening = now[name].bind === "off" && (change.port ?? change.levels) !== undefined;
  const { bind = isOpening ? "public" : now[name].bind } = change;
  if (shared !== undefined) throw invalid("shared", "ports for telemetry are not shared");
  const next =
    name === "receiver"
      ? { ...now, receiver: { bind, port, levels: secureOf(levels) ?? now.receiver.levels } }
      : { ...now, "receiver-plaintext": { bind, port } };
  if (name === "receiver-plaintext") requirePlaintext(levels);
  requireApart(next);
  return next;
}

function secureOf(levels: readonly Level[] | undefined): readonly SecureLevel[] | undefined {
  if (levels === undefined) return undefined;
  if (levels.includes("plaintext")) {
    throw invalid("levels", "plaintext has a port of its own, 'receiver-plaintext'");
  }
  if (levels.length === 0) throw invalid("levels", "a level has to remain; 'off' closes the port");
  return SECURE_LEVELS.filter((level) => levels.includes(level));
}

function requirePlaintext(levels: readonly Level[] | undefined): void {
  if (levels === undefined || (levels.length === 1 && levels[0] === "plaintext")) return;
  throw invalid("levels", "this listener has the level plaintext and no other");
}

function requireApart({ receiver, "receiver-plaintext": plaintext }: ReceiverSettings): void {
  const isOff = receiver.bind === "off" || plaintext.bind === "off";
  if (isOff || receiver.port === 0 || receiver.port !== plaintext.port) return;
  throw invalid("port", "the ports for telemetry have to be two");
}

function invalid(path: string, reason: string): TautlineError {
  return new TautlineError("api.invalid", { detail: { path, reason } });
}

/**
 * Works out what the ports begin with: what was set while central ran stands above the file.
 *
 * @param config the part `receiver` of the settings
 * @param kept what was set
 * @throws api.invalid
 */
export function firstReceiverSettings(
  config: {
    readonly bind: ListenerBind;
    readonly port: number;
    readonly levels: readonly SecureLevel[];
    readonly plaintext: { readonly bind: ListenerBind; readonly port: number };
  },
  kept: KeptReceiver,
): ReceiverSettings {
  const { bind, port, levels, plaintext } = config;
  const { receiver, "receiver-plaintext": own } = kept;
  const settings: ReceiverSettings = {
    receiver: {
      bind: receiver.bind ?? bind,
      port: receiver.port ?? port,
      levels: receiver.levels ?? SECURE_LEVELS.filter((level) => levels.includes(level)),
    },
    "receiver-plaintext": { bind: own.bind ?? plaintext.bind, port: own.port ?? plaintext.port },
  };
  requireApart(settings);
  return settings;
}
