import type { CommandContext } from "../context.ts";
import { findDataFolder, holdsDataOf } from "../data-folder.ts";
import { examineAgent } from "./examine-agent.ts";
import { examineCentral } from "./examine-central.ts";
import { examineFolder } from "./examine-folder.ts";
import { examineProgram } from "./examine-program.ts";
import type { Finding } from "./finding.ts";

/**
 * Examines this host: the running program, and central's and the agent's data folders where there are any.
 *
 * @param data the value of `--data`
 * @param context environment, current folder, clock and user
 * @returns findings, and what was looked at
 */
export async function examineHost(
  data: string | undefined,
  context: CommandContext,
): Promise<{ readonly findings: readonly Finding[]; readonly looked: readonly string[] }> {
  const findings: Finding[] = [...examineProgram(process.versions.node, context.userId)];
  const looked = ["this program"];
  for (const role of ["central", "agent"] as const) {
    const folder = findDataFolder(role, data, context);
    if (!holdsDataOf(role, folder)) continue;
    looked.push(`${role} in ${folder}`);
    findings.push(...examineFolder(folder, context.userId));
    const examine = role === "central" ? examineCentral : examineAgent;
    findings.push(...(await examine(folder, context)));
  }
  if (looked.length === 1) findings.push(nothingHere(data, context));
  return { findings, looked };
}

function nothingHere(data: string | undefined, context: CommandContext): Finding {
  return {
    severity: data === undefined && context.environment.dataDir === undefined ? "info" : "error",
    what: "There is neither a central nor an agent here",
    where: `${findDataFolder("central", data, context)}, ${findDataFolder("agent", data, context)}`,
    why: "Only the program itself could be examined.",
    remedy:
      "Name a data folder with --data, start with 'tautline quickstart', or join this host with 'tautline agent join TOKEN'.",
  };
}
