import type { Command } from "commander";
import type { CommandContext } from "./context.ts";

/** Gives one verb its summary, arguments, options and action; the command comes named and with `--json`. */
export type DefineVerb = (command: Command, context: CommandContext) => void;

/** A noun's verbs in the order of the help page. */
export type Verbs = Readonly<Record<string, DefineVerb>>;

/** One entry of the command's first level: a noun with verbs, or a verb that stands alone. */
export interface Part {
  readonly name: string;
  /** One line of the help page, without a full stop. */
  readonly summary: string;
  /** The heading it stands under. */
  readonly group: string;
  /** Loads the code; called only for the part that was asked for, so that the others cost no start-up time. */
  readonly load: () => Promise<Verbs | DefineVerb>;
}
