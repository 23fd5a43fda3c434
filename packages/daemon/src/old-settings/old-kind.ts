import { TautlineError } from "@tautline/protocol";
import type { ConfigApp } from "../config-file.ts";
import { readSettingName } from "./setting-name.ts";

/** A kind of old settings file, and whose it is where that can be told. */
export interface OldKind {
  readonly kind: "pair" | "websocket" | "namespace";
  readonly app: ConfigApp | undefined;
}

/**
 * Recognises an old settings file by its name alone, as `--config` does: YAML is never taken for one.
 *
 * @param file path, with either kind of slash
 */
export function oldKindByName(file: string): OldKind | undefined {
  const name = (file.split(/[/\\]/).at(-1) ?? "").toLowerCase();
  if (name === "agent.properties") return { kind: "pair", app: "agent" };
  if (name === "collector.properties") return { kind: "pair", app: "central" };
  if (name.endsWith(".properties")) return { kind: "pair", app: undefined };
  return name.endsWith(".conf") ? { kind: "websocket", app: "agent" } : undefined;
}

/**
 * Recognises an old settings file by what is in it, whatever its name.
 *
 * @param text of the file
 */
export function oldKindByContent(text: string): OldKind | undefined {
  // A section of a YAML file, not one of its own.
  if (/^[ \t]*["']?tmp_namespace_settings["']?[ \t]*:/m.test(text)) {
    return { kind: "namespace", app: undefined };
  }
  const names = text.split(/\r\n|\r|\n/).map((line) => /^[^\s=:]+/.exec(line.trimStart())?.[0]);
  if (names.some((name) => name !== undefined && isWebsocketName(name))) {
    return { kind: "websocket", app: "agent" };
  }
  const isPair = names.some((name) => name !== undefined && readSettingName(name) !== undefined);
  return isPair ? { kind: "pair", app: undefined } : undefined;
}

/**
 * Tells whether a setting's name is one of agent.conf that says how central is reached.
 *
 * @param name of any setting
 */
export function isWebsocketName(name: string): boolean {
  return name.startsWith("central.websocket.") || name === "jetty.jvm.args";
}

/**
 * Makes the refusal of a file that is no old settings file, or not one of this end.
 *
 * @param file its path
 * @param reason without a full stop
 */
export function oldUnknownError(file: string, reason: string): TautlineError {
  return new TautlineError("config.old_unknown", { detail: { file, reason } });
}
