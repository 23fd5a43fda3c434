import { resolve } from "node:path";
import type { DefineVerb } from "../noun.ts";
import { portValue } from "../option-values.ts";
import { runFleet } from "./fleet.ts";

interface QuickstartOptions {
  readonly data?: string;
  readonly agentsPort: number;
  readonly consolePort: number;
}

/** `tautline quickstart`: what `npm start` runs; a central and this host's agent, joined as any other host's. */
export const quickstart: DefineVerb = (command, context) => {
  command
    .description(
      "Starts a central and joins this host's agent to it by the same path as any other host: a one-use token and " +
        "'agent join --run'. Prints the join line for the next host. Ctrl-C stops the agent, then central; the next start " +
        "goes on with the same fleet.",
    )
    .option(
      "--data <dir>",
      "folder for both: DIR/central and DIR/agent (or TAUTLINE_DATA; default ./data)",
    )
    .option("--agents-port <port>", "port that agents dial", portValue, 9150)
    .option("--console-port <port>", "port of console and API", portValue, 8443)
    .action(async (options: QuickstartOptions) => {
      const shownFolder = options.data ?? context.environment.dataDir ?? "./data";
      const folder = resolve(context.cwd, shownFolder);
      await keepPrivateFolders(folder);
      const { agentsPort, consolePort } = options;
      await runFleet({ folder, shownFolder, agentsPort, consolePort }, context);
    });
};

async function keepPrivateFolders(folder: string): Promise<void> {
  const { ensurePrivateFolder } = await import("@tautline/vault");
  for (const role of ["central", "agent"]) ensurePrivateFolder(resolve(folder, role));
}
