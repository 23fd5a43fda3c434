import { existsSync } from "node:fs";
import { join } from "node:path";
import { isTautlineError } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import { rowOf, rowsOf, textOf, type Row } from "../row.ts";
import { timeAndDistance } from "../time-text.ts";
import { examineCertificate } from "./examine-certificates.ts";
import { examineConfig } from "./examine-central.ts";
import { examineClock, judgeClock } from "./examine-clock.ts";
import { judgeOwnEdge } from "./examine-edge.ts";
import { examineOldFile, oldFilesIn } from "./examine-old-settings.ts";
import type { Finding } from "./finding.ts";

/**
 * Examines an agent: its settings file, whether it runs and is connected, its vault, its certificates.
 *
 * @param folder absolute path of the agent's data folder
 * @param context clock
 */
export async function examineAgent(
  folder: string,
  context: Pick<CommandContext, "now">,
): Promise<readonly Finding[]> {
  const { checkAgentConfig, readAgentStatus } = await import("@tautline/agent/main");
  const config = join(folder, "agent.yaml");
  const findings: Finding[] = oldFilesIn("agent", folder).flatMap((file) =>
    examineOldFile(file, checkAgentConfig),
  );
  if (existsSync(config)) findings.push(...examineConfig(() => checkAgentConfig(config), config));
  try {
    const status: unknown = await readAgentStatus({ data: folder });
    findings.push(...judgeAgentStatus(status as Row, folder, context.now()));
    const { addresses, clockOffsetSeconds } = rowOf(status as Row, "central");
    // A running agent has asked central itself, through its proxy too.
    if (typeof clockOffsetSeconds === "number")
      findings.push(...judgeClock(clockOffsetSeconds * 1000, "central, as the agent was told"));
    else if (Array.isArray(addresses))
      findings.push(...(await examineClock(addresses.map(String), context.now)));
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    findings.push({
      severity: "error",
      what: error.message,
      where: folder,
      why: "Central sees nothing of this host, and nothing more could be asked.",
      remedy: error.remedy,
    });
  }
  return findings;
}

/**
 * Judges what a running agent says of itself.
 *
 * @param status the agent's status document
 * @param folder for the findings' place
 * @param nowMs milliseconds since the epoch
 */
export function judgeAgentStatus(status: Row, folder: string, nowMs: number): readonly Finding[] {
  return [
    ...judgeConnection(status, folder, nowMs),
    ...judgeVault(rowOf(status, "vault"), folder),
    ...rowsOf(status, "certificates").flatMap((certificate) =>
      examineCertificate(
        {
          name: `${textOf(certificate, "purpose")} certificate of the agent in ${folder}`,
          notAfter: certificate["notAfter"],
          isAuthority: false,
        },
        nowMs,
      ),
    ),
    ...judgeOwnEdge(rowOf(status, "edge"), folder, nowMs),
    ...judgeLastError(rowsOf(status, "errors"), folder, nowMs),
  ];
}

function judgeConnection(status: Row, folder: string, nowMs: number): readonly Finding[] {
  if (status["running"] === false) return [notRunning(folder)];
  // An edge that the environment sends elsewhere has no central.
  if (status["state"] === "edge") return [];
  const central = rowOf(status, "central");
  if (central["connected"] === true) return [];
  const { addresses = [] } = central;
  const [first = "HOST:PORT"] = Array.isArray(addresses) ? addresses.map(String) : [];
  const last = timeAndDistance(central["lastAnswerAt"], nowMs) || "never";
  return [
    {
      severity: "error",
      what: `The agent is not connected; central's last answer: ${last}`,
      where: `${folder}, dialling ${textOf(central, "addresses") || "no address"}`,
      why:
        status["state"] === "unproven"
          ? "Central sees nothing of this host."
          : "It sends nothing and receives no instructions; its certificates end without renewal.",
      remedy: `See what is accepted there: 'tautline doctor --to ${first}'. 'tautline agent status' shows the agent's last errors.`,
    },
  ];
}

function notRunning(folder: string): Finding {
  return {
    severity: "error",
    what: "No agent is running",
    where: folder,
    why: "Central sees nothing of this host; the agent's certificates end without renewal.",
    remedy: `Start it: 'tautline agent run --data ${folder}'.`,
  };
}

function judgeVault(vault: Row, folder: string): readonly Finding[] {
  if (vault["strength"] !== "weak") return [];
  return [
    {
      severity: "warning",
      what: "The agent's vault has a weak key source: a key file beside the data it opens",
      where: folder,
      why: "Whoever copies the folder has the data and the key.",
      remedy:
        "Join with a passphrase: TAUTLINE_KEY in the agent's environment, or vault.passphraseFile in agent.yaml.",
    },
  ];
}

function judgeLastError(errors: readonly Row[], folder: string, nowMs: number): readonly Finding[] {
  const last = errors.at(-1);
  if (last === undefined) return [];
  return [
    {
      severity: "info",
      what: `The agent's last error: ${textOf(last, "code")}: ${textOf(last, "text")}`,
      where: `${folder}, ${timeAndDistance(last["at"], nowMs)}`,
      why: "It may explain the findings above; if the agent is connected, it has passed.",
      remedy: "'tautline agent status' lists the latest errors.",
    },
  ];
}
