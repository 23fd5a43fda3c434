import { lstatSync, readdirSync, statfsSync, type Stats } from "node:fs";
import { join } from "node:path";
import { systemReason } from "../input-file.ts";
import type { Finding } from "./finding.ts";

const OTHERS = 0o077;
const MEBIBYTE = 1024 * 1024;
const DISK_WARNING_BYTES = 1024 * MEBIBYTE;
const DISK_ERROR_BYTES = 100 * MEBIBYTE;
/** Names of files that belong together: what ends with the key is useless or dangerous without the other. */
const PAIRS: readonly (readonly [certificate: RegExp, key: (name: string) => string])[] = [
  [/\.crt$/, (name) => name.replace(/\.crt$/, ".key")],
  [/-cert\.pem$/, (name) => name.replace(/-cert\.pem$/, "-key.pem")],
];

/**
 * Examines a data folder: modes and owners (A14), half key pairs (SWP-1), free space.
 *
 * @param folder absolute path of central's or an agent's data folder
 * @param userId effective user number, who should own it; undefined where the platform has none
 */
export function examineFolder(folder: string, userId: number | undefined): readonly Finding[] {
  try {
    const names = readdirSync(folder);
    return [
      ...examineEntry(folder, userId),
      ...names.flatMap((name) => examineEntry(join(folder, name), userId)),
      ...examinePairs(folder, names),
      ...examineSpace(folder, freeBytes(folder)),
    ];
  } catch (error) {
    return [
      {
        severity: "error",
        what: `The data folder cannot be read: ${systemReason(error)}`,
        where: folder,
        why: "Nothing in it could be examined.",
        remedy: "Run doctor as the user that owns the folder, or as root.",
      },
    ];
  }
}

function examineEntry(path: string, userId: number | undefined): readonly Finding[] {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  const findings: Finding[] = [];
  if (!stats.isSymbolicLink() && (stats.mode & OTHERS) !== 0) findings.push(tooOpen(path, stats));
  if (userId !== undefined && userId !== 0 && stats.uid !== userId) {
    findings.push({
      severity: "error",
      what: `It belongs to user ${stats.uid}, not to user ${userId}`,
      where: path,
      why: "Its owner can read and replace the keys, or it cannot be written when that is needed.",
      remedy: `chown ${userId} '${path}'`,
    });
  }
  return findings;
}

function tooOpen(path: string, stats: Stats): Finding {
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const right = stats.isDirectory() ? "0700" : "0600";
  return {
    severity: "error",
    what: `Other users may reach it: its mode is ${mode}, not ${right}`,
    where: path,
    why: "Whoever reads the data folder of a central or an agent can speak in its name.",
    remedy: `chmod ${right} '${path}'`,
  };
}

function examinePairs(folder: string, names: readonly string[]): readonly Finding[] {
  return names.flatMap((name) => {
    const key = PAIRS.find(([pattern]) => pattern.test(name))?.[1](name);
    if (key === undefined || names.includes(key)) return [];
    return [
      {
        severity: "error" as const,
        what: `Half a key pair: there is ${name}, but no ${key}`,
        where: join(folder, name),
        why: "A certificate without its key proves nothing; a program that is given only one of them must not start.",
        remedy: "Put the key beside it, or remove the certificate.",
      },
    ];
  });
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/**
 * Judges the free space of the data folder's file system.
 *
 * @param folder for the finding's place
 * @param bytes free for an ordinary user
 */
export function examineSpace(folder: string, bytes: number): readonly Finding[] {
  if (bytes >= DISK_WARNING_BYTES) return [];
  return [
    {
      severity: bytes < DISK_ERROR_BYTES ? "error" : "warning",
      what: `Only ${Math.floor(bytes / MEBIBYTE)} MiB are free`,
      where: folder,
      why: "Nothing is acknowledged before it is on the disk; when that is full, nobody joins and nothing changes.",
      remedy: "Free space on this file system, or move the data folder to a larger one.",
    },
  ];
}
