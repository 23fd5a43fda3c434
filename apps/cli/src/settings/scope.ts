import type { Command } from "commander";
import type { CentralOptions } from "../central-verb.ts";

/** Options of the setting verbs. */
export interface SettingOptions extends CentralOptions {
  readonly namespace?: string;
}

/** Adds `--namespace NAME`; without it a setting is for every namespace (CLI.md: global or `--namespace`). */
export function withNamespace(command: Command): Command {
  return command.option(
    "--namespace <name>",
    "only this namespace's agents (otherwise those of every namespace)",
  );
}

/** Says for whom a setting is. */
export function scopeText(namespace: string | undefined): string {
  return namespace === undefined || namespace === "" ? "every namespace" : `namespace ${namespace}`;
}
