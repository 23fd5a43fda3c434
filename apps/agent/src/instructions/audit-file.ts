import { closeSync, constants, fchmodSync, fstatSync, openSync, readFileSync } from "node:fs";
import { GENESIS, verifyHashChain, type ChainedEntry } from "@tautline/vault";
import { z } from "zod";

/** Above this a trail is set aside unread; at the refusal allowance it takes centuries to get there. */
const MAX_BYTES = 256 * 1024 * 1024;
const LINE_FEED = 0x0a;

const entrySchema = z.strictObject({ previous: z.string(), hash: z.string(), body: z.string() });

/** What is on disk: whole entries that hold together and perhaps a torn one, or where they do not. */
export type AuditFile =
  | {
      readonly ok: true;
      readonly head: string;
      readonly wholeBytes: number;
      readonly tornBytes: number;
    }
  | { readonly ok: false; readonly at: number; readonly reason: string };

/**
 * Reads and checks a local audit trail; changes nothing but a mode that is too wide (A14).
 *
 * @param file path of audit.jsonl; a missing one is an empty one
 * @throws the system's error if the file is there but cannot be read
 */
export function readAuditFile(file: string): AuditFile {
  const bytes = readBytes(file);
  if (bytes === undefined)
    return { ok: false, at: 0, reason: `it is larger than ${MAX_BYTES} bytes` };
  const wholeBytes = bytes.lastIndexOf(LINE_FEED) + 1;
  const tornBytes = bytes.length - wholeBytes;
  const verdict = checkLines(bytes.subarray(0, wholeBytes).toString("utf8"));
  return verdict.ok ? { ok: true, head: verdict.head, wholeBytes, tornBytes } : verdict;
}

function checkLines(text: string): ReturnType<typeof verifyHashChain> {
  const entries: ChainedEntry[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const entry = parseEntry(line);
    if (entry === undefined) return { ok: false, at: entries.length, reason: "it is not an entry" };
    entries.push(entry);
  }
  return entries.length === 0 ? { ok: true, count: 0, head: GENESIS } : verifyHashChain(entries);
}

function parseEntry(line: string): ChainedEntry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function readBytes(file: string): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    if ((stats.mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
    return stats.size > MAX_BYTES ? undefined : readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
