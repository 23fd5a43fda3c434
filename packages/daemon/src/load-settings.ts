import type { z } from "zod";
import { loadConfig, takeConfig, type ConfigApp } from "./config-file.ts";
import type { Logger } from "./log.ts";
import type { OldFinding } from "./old-settings/old-finding.ts";
import { readOldSettings } from "./old-settings/read-old-settings.ts";

/** Settings of a program, and what came with them. */
export interface LoadedSettings<Config> {
  readonly config: Config;
  /** Texts of keys by name that stand in no settings and in no file of their own; they come from old settings files only. */
  readonly keyTexts: ReadonlyMap<string, string>;
  readonly findings: readonly OldFinding[];
}

/**
 * Reads a settings file through a strict schema: YAML, or one of the systems that came before.
 *
 * @param app whose file it is
 * @param file path of the file; undefined takes the defaults
 * @param schema strict zod schema
 * @param readVariable the environment, which stands over an old file (OV-12)
 * @throws config.unreadable, config.invalid, config.old_setting, config.old_unknown
 */
export function loadSettings<Schema extends z.ZodType>(
  app: ConfigApp,
  file: string | undefined,
  schema: Schema,
  readVariable: (name: string) => string | undefined,
): LoadedSettings<Readonly<z.output<Schema>>> {
  const old = file === undefined ? undefined : readOldSettings(file, { app, readVariable });
  if (file === undefined || old === undefined) {
    return { config: loadConfig(app, file, schema), keyTexts: new Map(), findings: [] };
  }
  const config = takeConfig(app, file, old.settings, schema);
  return { config, keyTexts: old.keyTexts, findings: old.findings };
}

/**
 * Writes what was noticed in an old settings file to the log of the program that started from it.
 *
 * @param log of the program
 * @param findings of its settings
 */
export function logFindings(log: Logger, findings: readonly OldFinding[]): void {
  for (const { severity, what, ...rest } of findings) {
    if (severity === "warning") log.warn(rest, what);
    else log.info(rest, what);
  }
}
