import { randomUUID } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import type { RunningCentral } from "./running-central.ts";
import { until } from "./until.ts";

/** What `tautline swarm --json` prints at its end. */
export interface SwarmReport {
  readonly agents: {
    readonly asked: number;
    readonly joined: number;
    readonly connected: number;
    readonly lost: number;
  };
  readonly joins: { readonly p99Ms: number | null; readonly maxMs: number | null };
  readonly reconnects: {
    readonly count: number;
    readonly p99Ms: number | null;
    readonly maxMs: number | null;
  };
  readonly renewals: {
    readonly count: number;
    readonly lapsed: number;
    readonly failed: number;
    readonly gaps: number;
    readonly longestGapMs: number;
  };
  readonly messages: { readonly sent: number; readonly acknowledged: number };
  readonly errors: Readonly<Record<string, number>>;
}

/** One status message that central acknowledged, as it stands in the ledger. */
export interface AcknowledgedStatus {
  readonly agent: string;
  readonly sequence: number;
  readonly hash: string;
}

/** How a swarm is let loose. */
export interface SwarmOrder {
  readonly agents: number;
  /** How often each reports, as the command line writes it. */
  readonly interval: string;
  /** More flags. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a swarm with a token of its own, which has a use for each agent. */
export async function launchSwarm(
  central: RunningCentral,
  { agents, interval, flags = [], env = {} }: SwarmOrder,
): Promise<LaunchedProcess> {
  // Of its own: another swarm may still be about to read the one before.
  const tokenFile = join(central.folder, `swarm-${randomUUID()}.token`);
  writeFileSync(tokenFile, await central.token({ uses: agents }), { mode: 0o600 });
  const to = `wss://127.0.0.1:${central.agentsPort}`;
  const order = ["swarm", "--agents", String(agents), "--to", to, "--token-file", tokenFile];
  const pace = ["--interval", interval, "--duration", "30m", "--json"];
  return launchTautline([...order, ...pace, ...flags], { env });
}

/** Stops a swarm and reads its report. */
export async function endSwarm(swarm: LaunchedProcess): Promise<SwarmReport> {
  const { code, signal } = await swarm.kill("SIGTERM");
  if (code === null) throw new Error(`the swarm ended by ${signal}: ${swarm.stderr}`);
  return JSON.parse(swarm.stdout) as SwarmReport;
}

/** Waits until at least so many links are listed; asks for the number alone, for a list of thousands would be the test's load and not the fleet's. */
export async function untilLinked(central: RunningCentral, links: number): Promise<void> {
  await until(async () => {
    const { counts } = await central.call<{ counts: { links: number } }>("GET", "/api/v1/status");
    return counts.links >= links ? true : undefined;
  });
}

/** Reads a ledger's acknowledged messages; whole lines only, the last one may just be being written. */
export function readLedger(file: string): AcknowledgedStatus[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.flatMap((line) => {
    const entry = JSON.parse(line) as AcknowledgedStatus | { readonly renewal: number };
    return "sequence" in entry ? [entry] : [];
  });
}

/** The last acknowledged message of each agent. */
export function lastOf(entries: readonly AcknowledgedStatus[]): Map<string, AcknowledgedStatus> {
  return new Map(entries.map((entry) => [entry.agent, entry]));
}

/** What a central that does not run has left on the disk of each agent's status, write-ahead log included. */
export function readStoredStatus(dataDir: string): Map<string, Record<string, string>> {
  const db = new DatabaseSync(copyStore(dataDir));
  try {
    const rows = db.prepare("SELECT id, attributes FROM agents").all();
    return new Map(
      rows.map((row) => [
        String(row["id"]),
        JSON.parse(String(row["attributes"])) as Record<string, string>,
      ]),
    );
  } finally {
    db.close();
  }
}

/** Copies a store, so that looking at it does not do central's recovery for it. */
export function copyStore(dataDir: string): string {
  const copy = join(dataDir, "..", "looked-at.db");
  for (const end of ["", "-wal"]) {
    rmSync(`${copy}${end}`, { force: true });
    const file = join(dataDir, `central.db${end}`);
    if (existsSync(file)) copyFileSync(file, `${copy}${end}`);
  }
  return copy;
}
