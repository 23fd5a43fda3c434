import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from "node:fs";
import { isTautlineError, printableText, TautlineError } from "@tautline/protocol";
import { chainHash, GENESIS } from "@tautline/vault";
import { readAuditFile } from "./audit-file.ts";

/** The most characters of any text in an entry. */
const MAX_TEXT = 1_000;

/** What an entry says; never a secret. */
export type AuditBody = Readonly<Record<string, string | number | boolean | null>>;

/** The agent's own record of what it was told and what it did about it: hash-chained, forced to disk entry by entry. */
export interface LocalAudit {
  /** What was wrong with the trail when it was opened; undefined if it held together. */
  readonly finding: TautlineError | undefined;
  /**
   * Writes one entry and returns when it is on disk.
   *
   * @throws agent.audit_unwritable; the trail is then as before
   */
  append(event: string, body: AuditBody): void;
  close(): void;
}

/**
 * Opens the trail, checks all of it, and goes on at its end.
 *
 * An entry torn by a crash is dropped and noted. A trail that does not hold together is kept aside and a new one begun with
 * a note, so that damage stops neither the agent nor the record.
 *
 * @param file path of audit.jsonl
 * @param now milliseconds since 1970-01-01T00:00:00Z
 * @throws agent.audit_unwritable
 */
export function openLocalAudit(file: string, now: () => number): LocalAudit {
  return guarded(file, () => {
    const found = readAuditFile(file);
    if (found.ok) {
      const audit = continueTrail({ file, now, head: found.head, bytes: found.wholeBytes });
      if (found.tornBytes > 0) audit.append("audit.tail_dropped", { bytes: found.tornBytes });
      return audit;
    }
    const aside = `${file}.damaged-${now()}`;
    renameSync(file, aside);
    const { at, reason } = found;
    const finding = new TautlineError("agent.audit_damaged", {
      detail: { file, at, reason, aside },
    });
    const audit = continueTrail({ file, now, head: GENESIS, bytes: 0, finding });
    audit.append("audit.set_aside", { aside, at, reason });
    return audit;
  });
}

interface Trail {
  readonly file: string;
  readonly now: () => number;
  readonly head: string;
  /** Length of the whole entries; what stands after them is cut off. */
  readonly bytes: number;
  readonly finding?: TautlineError;
}

function continueTrail(trail: Trail): LocalAudit {
  const { file, now, finding } = trail;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const descriptor = openSync(file, flags, 0o600);
  ftruncateSync(descriptor, trail.bytes);
  let { head, bytes } = trail;
  return {
    finding,
    append(event, body) {
      const text = JSON.stringify({ at: new Date(now()).toISOString(), event, ...inert(body) });
      const hash = chainHash(head, text);
      const line = Buffer.from(`${JSON.stringify({ previous: head, hash, body: text })}\n`);
      guarded(file, () => writeWhole(descriptor, line, bytes));
      head = hash;
      bytes += line.length;
    },
    close: () => closeSync(descriptor),
  };
}

/** What central said may stand in it: one line, and no more than that of it, whoever reads the file with what. */
function inert(body: AuditBody): AuditBody {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      typeof value === "string" ? printableText(value, MAX_TEXT) : value,
    ]),
  );
}

/** A line half written (a full disk) is cut off again, else the next one would be glued to it. */
function writeWhole(descriptor: number, line: Buffer, position: number): void {
  try {
    let written = 0;
    while (written < line.length) {
      written += writeSync(descriptor, line, written, line.length - written, position + written);
    }
    fsyncSync(descriptor);
  } catch (error) {
    if (fstatSync(descriptor).size > position) ftruncateSync(descriptor, position);
    throw error;
  }
}

function guarded<Result>(file: string, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    if (isTautlineError(cause)) throw cause;
    const reason = (cause as NodeJS.ErrnoException).code ?? "the write failed";
    throw new TautlineError("agent.audit_unwritable", { cause, detail: { file, reason } });
  }
}
