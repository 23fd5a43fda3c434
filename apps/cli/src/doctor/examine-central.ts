import { existsSync } from "node:fs";
import { join } from "node:path";
import { distanceText, isClockOff, isTautlineError } from "@tautline/protocol";
import { createSocketClient, type AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { isRow, rowOf, textOf, type Row } from "../row.ts";
import { examineCertificate } from "./examine-certificates.ts";
import { timeAndDistance } from "../time-text.ts";
import { examineLinks } from "./examine-links.ts";
import { examineOldFile, oldFilesIn } from "./examine-old-settings.ts";
import { examinePolicy } from "./examine-policy.ts";
import { askReceiver, examineReceiver } from "./examine-receiver.ts";
import { examineReopenings } from "./examine-reopenings.ts";
import type { Finding } from "./finding.ts";

/**
 * Examines a central: its settings files, whether it runs, its vault, what it accepts, its authorities and its own certificates.
 *
 * @param folder absolute path of central's data folder
 * @param context current folder and clock
 */
export async function examineCentral(
  folder: string,
  context: Pick<CommandContext, "cwd" | "now">,
): Promise<readonly Finding[]> {
  const config = join(folder, "central.yaml");
  const old = oldFilesIn("central", folder);
  const findings: Finding[] = [];
  if (existsSync(config) || old.length > 0) {
    const { checkCentralConfig } = await import("@tautline/central/main");
    findings.push(...old.flatMap((file) => examineOldFile(file, checkCentralConfig)));
    if (existsSync(config))
      findings.push(...examineConfig(() => checkCentralConfig(config), config));
  }
  try {
    const client = createSocketClient({ dataDir: folder, cwd: context.cwd });
    findings.push(...(await askCentral(client, folder, context.now())));
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    findings.push({
      severity: "error",
      what: error.message,
      where: join(folder, "admin.sock"),
      why: "While central does not run no agent can connect; its vault and certificates could not be examined.",
      remedy: error.remedy,
    });
  }
  return findings;
}

/**
 * Turns what a settings check throws into a finding.
 *
 * @param check throws config.unreadable or config.invalid
 * @param file the settings file
 */
export function examineConfig(check: () => void, file: string): readonly Finding[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return [
      {
        severity: "error",
        what: error.message,
        where: file,
        why: "The program refuses to start with it, rather than guess what was meant.",
        remedy: error.remedy,
      },
    ];
  }
}

async function askCentral(
  client: AdminClient,
  folder: string,
  nowMs: number,
): Promise<readonly Finding[]> {
  const vault = await client.get({ path: ["vault"] });
  const authorities = await client.list({ path: ["authorities"] });
  const certificates = await client.list({ path: ["certificates"] });
  const agents = await client.list({ path: ["agents"] });
  const listeners = await client.list({ path: ["listeners"] });
  const keys = await client.list({ path: ["keys"] });
  const changes = await client.list({ path: ["policy", "changes"] });
  const policies = await client.list({ path: ["policy"] });
  const telemetry = await askReceiver(client);
  const reopenings = await client.list({ path: ["policy", "reopenings"] });
  return [
    ...examineVault(vault, folder),
    ...examineLinks(listeners, keys),
    ...examinePolicy(changes, policies, nowMs),
    ...examineReceiver({ ...telemetry, listeners }, nowMs),
    ...examineReopenings(reopenings, nowMs),
    ...agents.flatMap((agent) => examineCopies(agent, nowMs)),
    ...agents.flatMap(examineAgentClock),
    ...authorities
      .filter((row) => (row["retiredAt"] ?? null) === null)
      .flatMap((row) =>
        examineCertificate(
          { name: authorityName(row), notAfter: row["notAfter"], isAuthority: true },
          nowMs,
        ),
      ),
    ...currentOwnCertificates(certificates).flatMap((row) =>
      examineCertificate(
        {
          name: `central's certificate ${textOf(row, "serial")}`,
          notBefore: row["notBefore"],
          notAfter: row["notAfter"],
          isAuthority: false,
        },
        nowMs,
      ),
    ),
  ];
}

/**
 * Takes over the finding that central's vault makes about itself.
 *
 * @param vault what central says of it
 * @param folder for the place, where the vault names none
 */
export function examineVault(vault: Row, folder: string): readonly Finding[] {
  if (!isRow(vault["finding"])) return [];
  const finding = rowOf(vault, "finding");
  return [
    {
      severity: "warning",
      what: textOf(finding, "what"),
      where: textOf(finding, "where") || folder,
      why: textOf(finding, "why"),
      remedy: textOf(finding, "remedy"),
    },
  ];
}

/** An agent whose older identity came back after it was replaced (F25). */
function examineCopies(agent: Row, nowMs: number): readonly Finding[] {
  const { cloneSuspectedAt = null, state } = agent;
  if (cloneSuspectedAt === null || state === "revoked") return [];
  const id = textOf(agent, "id");
  return [
    {
      severity: "error",
      what: `An agent seems to exist twice since ${timeAndDistance(cloneSuspectedAt, nowMs)}`,
      where: `agent ${id} (${textOf(agent, "name")})`,
      why: "A copy of its data folder asked for certificates. The side with the newest identity runs, which may be the wrong one.",
      remedy: `Find the copy, stop it, empty its data folder and join it again; then 'tautline agents release ${id}' ends the suspicion. If a stranger may hold the newest identity: 'tautline agents revoke ${id}', then join again.`,
    },
  ];
}

/**
 * Names an agent whose clock is too far from central's (F8).
 *
 * @param agent as central lists it
 */
export function examineAgentClock(agent: Row): readonly Finding[] {
  const { clockOffsetSeconds: seconds, state } = agent;
  if (typeof seconds !== "number" || !isClockOff(seconds * 1000) || state === "revoked") return [];
  const direction = seconds > 0 ? "ahead of" : "behind";
  return [
    {
      severity: "error",
      what: `An agent's clock is ${distanceText(seconds * 1000)} ${direction} central's`,
      where: `agent ${textOf(agent, "id")} (${textOf(agent, "name")})`,
      why: "It refuses instructions as expired or not yet made, and fresh certificates as not valid.",
      remedy: "Set the wrong one of the two by NTP ('timedatectl status' on both hosts).",
    },
  ];
}

/** Central's latest certificate only: the ones before it have ended as they should. */
function currentOwnCertificates(certificates: readonly Row[]): readonly Row[] {
  const own = certificates.filter((row) => row["agent"] === null && row["revokedAt"] === null);
  const latest = own.toSorted((left, right) =>
    textOf(right, "notAfter").localeCompare(textOf(left, "notAfter")),
  )[0];
  return latest === undefined ? [] : [latest];
}

function authorityName(authority: Row): string {
  return ["authority", textOf(authority, "kind"), textOf(authority, "namespace")]
    .filter(Boolean)
    .join(" ");
}
