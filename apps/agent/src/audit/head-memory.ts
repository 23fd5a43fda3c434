import { renameSync } from "node:fs";
import { openCheckpoint, type AuditTrust, type ProvenCheckpoint } from "@tautline/pki";
import {
  checkpointFromJson,
  checkpointToJson,
  isTautlineError,
  parseJson,
  TautlineError,
} from "@tautline/protocol";
import { readPrivateFile, writeFileDurably } from "@tautline/vault";
import { z } from "zod";

/** That central showed a trail which is not the one that was seen; both sides signed by central itself. */
export interface RememberedFork {
  readonly foundAtMs: number;
  readonly what: string;
  readonly seen: ProvenCheckpoint;
  readonly shown: ProvenCheckpoint;
}

/** What an agent remembers of central's audit trail. */
export interface HeadMemory {
  readonly head: ProvenCheckpoint | undefined;
  /** Oldest first; at most MAX_FORKS. */
  readonly forks: readonly RememberedFork[];
}

/** Nothing was seen yet. */
export const NO_MEMORY: HeadMemory = { head: undefined, forks: [] };
/** The first ones are the evidence; a central that makes more makes itself only more suspect. */
export const MAX_FORKS = 8;

const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 8;

const document = z.strictObject({
  format: z.literal(1),
  head: z.unknown().optional(),
  forks: z
    .array(
      z.strictObject({
        foundAt: z.iso.datetime(),
        what: z.string().max(1_000),
        seen: z.unknown(),
        shown: z.unknown(),
      }),
    )
    .max(MAX_FORKS),
});

/**
 * Reads what is remembered and proves each checkpoint anew: the file needs no seal of its own.
 *
 * @param file path of audit-head.json; a missing one remembers nothing
 * @param trust the root that this agent joined
 * @throws audit.checkpoint_malformed, audit.checkpoint_unproven, value.json; vault codes for a file with unsafe rights (A14)
 */
export function readHeadMemory(file: string, trust: AuditTrust): HeadMemory {
  const bytes = readPrivateFile(file, MAX_BYTES);
  if (bytes === undefined) return NO_MEMORY;
  const limits = { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH };
  const { data } = document.safeParse(parseJson(bytes.toString("utf8"), limits));
  if (data === undefined) throw malformed();
  const open = (value: unknown): ProvenCheckpoint => {
    const signed = checkpointFromJson(value);
    if (signed === undefined) throw malformed();
    return openCheckpoint(signed, trust);
  };
  return {
    head: data.head === undefined ? undefined : open(data.head),
    forks: data.forks.map(({ foundAt, what, seen, shown }) => ({
      foundAtMs: Date.parse(foundAt),
      what,
      seen: open(seen),
      shown: open(shown),
    })),
  };
}

/**
 * The same, where a file that cannot be used is set aside, so that damage ends neither the agent nor its witnessing (F12).
 *
 * @param file path of audit-head.json
 * @param trust the root that this agent joined
 * @param nowMs names what is set aside
 * @returns what is remembered, and what was wrong
 */
export function openHeadMemory(
  file: string,
  trust: AuditTrust,
  nowMs: number,
): { readonly memory: HeadMemory; readonly finding: TautlineError | undefined } {
  try {
    return { memory: readHeadMemory(file, trust), finding: undefined };
  } catch (cause) {
    if (!isTautlineError(cause) || cause.code.startsWith("vault.")) throw cause;
    const aside = `${file}.damaged-${nowMs}`;
    renameSync(file, aside);
    const reason = cause.message.replace(/\.$/, "");
    const detail = { reason, aside };
    return {
      memory: NO_MEMORY,
      finding: new TautlineError("audit.head_damaged", { cause, detail }),
    };
  }
}

/**
 * Writes what is remembered in one durable write (F1).
 *
 * @param file path of audit-head.json
 * @param memory all of it
 * @throws vault.file_failed, vault.file_unsafe; the old file then stands
 */
export function saveHeadMemory(file: string, memory: HeadMemory): void {
  writeFileDurably(file, `${JSON.stringify({ format: 1, ...describeMemory(memory) })}\n`);
}

/**
 * What is remembered as JSON: in the file and in `agent status --json`, which `audit verify --against` reads.
 *
 * @param memory all of it
 */
export function describeMemory({ head, forks }: HeadMemory) {
  return {
    ...(head && { head: checkpointToJson(head.signed) }),
    forks: forks.map(({ foundAtMs, what, seen, shown }) => ({
      foundAt: new Date(foundAtMs).toISOString(),
      what,
      seen: checkpointToJson(seen.signed),
      shown: checkpointToJson(shown.signed),
    })),
  };
}

function malformed(): TautlineError {
  const reason = "the file is not as it was written";
  return new TautlineError("audit.checkpoint_malformed", { detail: { reason } });
}
