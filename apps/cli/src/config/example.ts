import { Argument } from "commander";
import type { DefineVerb } from "../noun.ts";

/** `tautline config example central|agent`: every key with its default and meaning, ready to be a file. */
export const printExample: DefineVerb = (command, { output }) => {
  command
    .summary("print a full settings file")
    .description(
      "Prints a settings file with every key, its default and its meaning; every line is commented out, so it " +
        "changes nothing until you change it.",
    )
    .addArgument(new Argument("<app>", "whose settings").choices(["central", "agent"]))
    .addHelpText(
      "after",
      "\nExample:\n  tautline config example central > data/central/central.yaml",
    )
    .action(async (app: "central" | "agent") => {
      const example = await loadExample(app);
      await output.print({ app, example }, () => example);
    });
};

async function loadExample(app: "central" | "agent"): Promise<string> {
  if (app === "central") return (await import("@tautline/central/main")).centralConfigExample();
  return (await import("@tautline/agent/main")).agentConfigExample();
}
