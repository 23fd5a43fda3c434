import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { spawnSync } from "node:child_process";

/** What the numbers were measured on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Describes this machine and the versions of everything that was measured. */
export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cores: cpus().length,
    cpu: first?.model.trim() ?? "not known",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    versions: {
      node: process.version,
      "node's OpenSSL": process.versions.openssl ?? "?",
      openssl: firstLine("openssl", "version"),
      "nats-server": firstLine("nats-server", "--version"),
      haproxy: firstLine("haproxy", "-v"),
      stunnel: firstLine("stunnel", "-version"),
      nginx: firstLine("nginx", "-v"),
    },
  };
}

/** The load average of the last minute: what else the machine was doing. */
export function currentLoad(): number {
  return loadavg()[0] ?? Number.NaN;
}

/** Resident memory of a process, bytes (Linux). */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

const CLOCK_TICKS_PER_SECOND = 100;

/** Processor time a process has used, user and system, milliseconds (Linux; see proc_pid_stat(5)). */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may contain anything; what follows the last bracket begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}

function firstLine(command: string, argument: string): string {
  const { stdout, stderr, status } = spawnSync(command, [argument], { encoding: "utf8" });
  if (status !== 0) return "not installed";
  // stunnel says it on standard error, after a line about how it was started.
  const lines = (stdout === "" ? stderr : stdout).split("\n");
  return lines.find((line) => /\d/.test(line)) ?? "?";
}
