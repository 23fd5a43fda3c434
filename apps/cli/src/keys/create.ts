import { parseAgentId, parseKeyName } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { printNewVersion } from "./new-version.ts";
import { readValueFile } from "./value-file.ts";

interface CreateKeyOptions extends CentralOptions {
  readonly valueFile?: string;
  readonly agent?: string;
  readonly namespace: string;
}

/** `tautline keys create NAME`: makes a strong text and prints it once, or takes one from a file. */
export const createKey: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("make a key that agents without certificates share with central")
    .description(
      "Makes a shared key for links of the levels basic and advanced. Without --value-file central makes a strong text, " +
        "prints it this once, and keeps only what is derived from it. A weak text is taken and named weak wherever it is shown.",
    )
    .argument(
      "<name>",
      "lower-case letters, digits, . _ -; unique at this central; sent in the clear",
    )
    .option("--value-file <file>", "read its text from a file, or from standard input with -")
    .option(
      "--agent <id>",
      "for this agent alone: whoever holds it is that agent; it may come later",
    )
    .option("--namespace <name>", "for agents of this namespace", "default")
    .addHelpText(
      "after",
      "\nExample:\n  (umask 077; tautline keys create site-3 > site-3.key)\n" +
        "  tautline keys create legacy --value-file old-secret.txt",
    )
    .action(async (nameText: string, options: CreateKeyOptions) => {
      const name = parseKeyName(nameText);
      const { namespace, agent, valueFile } = options;
      const value = valueFile === undefined ? undefined : await readValueFile(valueFile, context);
      const made = await createAdminClient(context, options).post(
        { path: ["keys"] },
        {
          name,
          namespace,
          ...(agent !== undefined && { agent: parseAgentId(agent) }),
          ...(value !== undefined && { value }),
        },
      );
      await printNewVersion(made, value, context);
    });
};
