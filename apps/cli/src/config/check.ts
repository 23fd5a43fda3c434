import { basename, resolve } from "node:path";
import { TautlineError } from "@tautline/protocol";
import { Option } from "commander";
import type { DefineVerb } from "../noun.ts";
import { renderOldFinding } from "./old-finding-text.ts";

type App = "central" | "agent";

interface CheckOptions {
  readonly app?: App;
}

/** `tautline config check FILE`: reads a settings file exactly as the program would, and starts nothing. */
export const checkConfig: DefineVerb = (command, context) => {
  command
    .summary("check a settings file before it is used")
    .description(
      "Reads a settings file exactly as the program would and starts nothing. Exit code 1 names the line and key.",
    )
    .argument("<file>", "central.yaml or agent.yaml, or an old file as --config takes it")
    .addOption(
      new Option("--app <app>", "whose settings, where the file's name does not say").choices([
        "central",
        "agent",
      ]),
    )
    .action(async (file: string, options: CheckOptions) => {
      const app = options.app ?? appOf(file);
      const path = resolve(context.cwd, file);
      const findings =
        app === "central"
          ? (await import("@tautline/central/main")).checkCentralConfig(path)
          : (await import("@tautline/agent/main")).checkAgentConfig(path);
      const old = findings.length === 0 ? {} : { findings };
      await context.output.print({ ok: true, app, file, ...old }, () =>
        [`${file} is right for ${app}.`, ...findings.map(renderOldFinding)].join("\n\n"),
      );
    });
};

function appOf(file: string): App {
  const name = basename(file);
  const isCentral = name.includes("central") || name.includes("collector");
  if (isCentral !== name.includes("agent")) return isCentral ? "central" : "agent";
  throw new TautlineError("cli.usage", {
    detail: {
      reason: `Whose settings are in '${name}'? Say --app central or --app agent`,
      command: "tautline config check",
    },
  });
}
