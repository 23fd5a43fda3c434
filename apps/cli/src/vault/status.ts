import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { findDataFolder, holdsDataOf } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, textOf, type Row } from "../row.ts";
import { renderPage } from "../table.ts";

interface VaultStatusOptions {
  readonly data?: string;
}

/** `tautline vault status`: works on central's and on an agent's data folder; the running program answers. */
export const showVaultStatus: DefineVerb = (command, context) => {
  command
    .summary("show what opens the vault, and how strong that is")
    .description(
      "Shows what opens the vault of a running central or agent, and how strong that is. No secret is shown.",
    )
    .option("--data <dir>", "data folder of a central or an agent (or TAUTLINE_DATA)")
    .action(async (options: VaultStatusOptions) => {
      const { output } = context;
      const vault = await askVault(options.data, context);
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

async function askVault(data: string | undefined, context: CommandContext): Promise<Row> {
  const agentFolder = findDataFolder("agent", data, context);
  const centralFolder = findDataFolder("central", data, context);
  if (!holdsDataOf("central", centralFolder) && holdsDataOf("agent", agentFolder)) {
    const { readAgentStatus } = await import("@tautline/agent/main");
    const status: unknown = await readAgentStatus({ data: agentFolder });
    return rowOf(status as Row, "vault");
  }
  return await createAdminClient(context, data).get({ path: ["vault"] });
}
