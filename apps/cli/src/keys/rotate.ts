import { parseAgentId, parseKeyName } from "@tautline/protocol";
import { type Command, Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import { printNewVersion } from "./new-version.ts";
import { readValueFile } from "./value-file.ts";

interface RotateOptions extends CentralOptions {
  readonly valueFile?: string;
  readonly use?: boolean;
  readonly remove?: boolean;
  readonly undo?: boolean;
  readonly allowCutOff?: "all" | readonly string[];
  readonly yes?: boolean;
}

type Step = "use" | "remove" | "undo";

/** `tautline keys rotate NAME`, then with `--use`, then with `--remove`: no step drops a link of an agent that followed. */
export const rotateKey: DefineVerb = (command, context) => {
  withOptions(command).action(async (nameText: string, options: RotateOptions) => {
    const name = parseKeyName(nameText);
    const step = stepOf(options);
    if (step === undefined) await install(name, options, context);
    else await go(name, step, options, context);
  });
};

function withOptions(command: Command): Command {
  return withCentral(command)
    .summary("give a key its next version, in three steps")
    .description(
      "Without an option: installs the next version beside the one in use and prints its text, this once. Both open links " +
        "now, so give it to the hosts at leisure ('keys show' says who has it). With --use the new one answers to the bare " +
        "name, and the old one still opens links. With --remove the old one is gone: what it carries is closed within 5 s.",
    )
    .argument("<name>", "as 'tautline keys list' prints it")
    .option("--value-file <file>", "read the next text from a file, or from standard input with -")
    .addOption(
      new Option("--use", "take the installed version into use").conflicts([
        "valueFile",
        "remove",
        "undo",
        "allowCutOff",
      ]),
    )
    .addOption(
      new Option("--remove", "remove the version that was in use before").conflicts([
        "valueFile",
        "undo",
      ]),
    )
    .addOption(
      new Option("--undo", "take an installed version back that is not in use yet").conflicts([
        "valueFile",
      ]),
    )
    .option(
      "--allow-cut-off <ids>",
      "with --remove or --undo: agents that may be cut off by it, with commas between; all where the key leaked",
      agentIds,
    )
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      "\nExample:\n  (umask 077; tautline keys rotate site-3 > site-3.next)\n" +
        "  tautline keys show site-3        until every agent has used it\n" +
        "  tautline keys rotate site-3 --use\n  tautline keys rotate site-3 --remove",
    );
}

function agentIds(text: string): "all" | readonly string[] {
  return text === "all" ? text : text.split(",").map((id) => parseAgentId(id.trim()));
}

function stepOf({ use, remove, undo }: RotateOptions): Step | undefined {
  if (use === true) return "use";
  if (remove === true) return "remove";
  return undo === true ? "undo" : undefined;
}

async function install(
  name: string,
  options: RotateOptions,
  context: CommandContext,
): Promise<void> {
  const { valueFile } = options;
  const value = valueFile === undefined ? undefined : await readValueFile(valueFile, context);
  const body = value === undefined ? {} : { value };
  const client = createAdminClient(context, options);
  const made = await client.post({ path: ["keys", name, "install"] }, body);
  await printNewVersion(made, value, context);
  context.output.note(
    `It is version ${textOf(made, "version")}, beside the one in use. Next: give it to the hosts, then 'tautline keys rotate ${name} --use'.`,
  );
}

async function go(
  name: string,
  step: Step,
  options: RotateOptions,
  context: CommandContext,
): Promise<void> {
  if (step !== "use") {
    const which = step === "remove" ? "the version before the one in use" : "the installed version";
    const question = `Remove ${which} of key ${name}? Programs that still use it are cut off; its text cannot be brought back.`;
    await confirm(question, options.yes === true, context);
  }
  const { allowCutOff } = options;
  const key = await createAdminClient(context, options).post(
    { path: ["keys", name, step] },
    allowCutOff === undefined ? {} : { allowCutOff },
  );
  await context.output.print(key, () => `Key ${name}: ${versionsText(key)}.`);
  if (step === "use") {
    context.output.note(
      `The version before still opens links. When nobody uses it: 'tautline keys rotate ${name} --remove'.`,
    );
  }
}

/** `version 2 is in use, version 1 still opens links` */
function versionsText(key: Row): string {
  return rowsOf(key, "versions")
    .toSorted((left, right) => Number(right["version"]) - Number(left["version"]))
    .map((each) => {
      const isInUse = textOf(each, "state") === "current";
      return `version ${textOf(each, "version")} ${isInUse ? "is in use" : "still opens links"}`;
    })
    .join(", ");
}
