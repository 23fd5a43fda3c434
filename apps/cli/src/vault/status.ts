import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { findDataFolder, holdsDataOf } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, textOf, type Row } from "../row.ts";
import { renderPage } from "../table.ts";

/** `tautline vault status`: works on central's and on an agent's data folder; the running program answers. */
export const showVaultStatus: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what opens the vault, and how strong that is")
    .description(
      "Shows what opens the vault of a running central or agent, and how strong that is. No secret is shown.",
    )
    .action(async (options: CentralOptions) => {
      const { output } = context;
      const vault = await askVault(options, context);
      const finding = rowOf(vault, "finding");
      await output.print(vault, () =>
        renderPage(
          [
            ["source", textOf(vault, "source")],
            ["where", textOf(vault, "where") || undefined],
            ["strength", textOf(vault, "strength")],
            ["key version", textOf(vault, "keyVersion") || undefined],
            ["finding", textOf(finding, "what") || undefined],
            ["why it matters", textOf(finding, "why") || undefined],
            ["what to do", textOf(finding, "remedy") || undefined],
          ],
          output.paint,
        ),
      );
    });
};

async function askVault(options: CentralOptions, context: CommandContext): Promise<Row> {
  const { data } = options;
  const agentFolder = findDataFolder("agent", data, context);
  const centralFolder = findDataFolder("central", data, context);
  const isAgents = !holdsDataOf("central", centralFolder) && holdsDataOf("agent", agentFolder);
  if (isAgents && (data !== undefined || options.context === undefined)) {
    const { readAgentStatus } = await import("@tautline/agent/main");
    const status: unknown = await readAgentStatus({ data: agentFolder });
    return rowOf(status as Row, "vault");
  }
  return await createAdminClient(context, options).get({ path: ["vault"] });
}
