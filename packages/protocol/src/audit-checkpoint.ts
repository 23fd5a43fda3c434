import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";
import { isTrustDomain } from "./names.ts";
import { formatTimestamp, isTimestamp } from "./timestamp.ts";

/** First line of a checkpoint's text, and the context label under which it is signed. */
export const AUDIT_CHECKPOINT_CONTEXT = "tautline/audit-checkpoint/v1";
/** First line of the statement that certifies an audit key, and the context label under which the root signs it. */
export const AUDIT_KEY_CONTEXT = "tautline/audit-key/v1";

/** What central signs at intervals: how long its audit trail is and what its last hash is. */
export interface AuditCheckpoint {
  readonly trustDomain: string;
  /** Id of central's database, a UUID. */
  readonly central: string;
  /** Counts the checkpoints of a database from 1. */
  readonly number: number;
  /** Number of the trail's last entry. */
  readonly seq: number;
  /** Hash of that entry, 64 lower-case hex characters. */
  readonly head: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
  /** SHA-256 of the text of the checkpoint before, in hex; 64 zeros for the first. */
  readonly previous: string;
  /** SPKI pin of the audit key that signs it, in hex. */
  readonly key: string;
}

/** What the root says of a key that signs checkpoints. */
export interface AuditKeyStatement {
  readonly trustDomain: string;
  readonly central: string;
  /** Counts the audit keys of a database from 1. */
  readonly number: number;
  /** SubjectPublicKeyInfo in DER, as lower-case hex. */
  readonly spki: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
}

const CODE = "audit.checkpoint_malformed";
const LARGEST = Number.MAX_SAFE_INTEGER;
const CENTRAL = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const NUMBER = "[1-9][0-9]{0,15}";
const TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z";
const HASH = "[0-9a-f]{64}";
const CHECKPOINT = new RegExp(
  `^${AUDIT_CHECKPOINT_CONTEXT}\ntrust-domain ([a-z0-9.-]+)\ncentral (${CENTRAL})\nnumber (${NUMBER})\n` +
    `seq (${NUMBER})\nhead (${HASH})\nat (${TIME})\nprevious (${HASH})\nkey (${HASH})\n$`,
);
const KEY_STATEMENT = new RegExp(
  `^${AUDIT_KEY_CONTEXT}\ntrust-domain ([a-z0-9.-]+)\ncentral (${CENTRAL})\nnumber (${NUMBER})\n` +
    `key ((?:[0-9a-f]{2}){1,128})\nat (${TIME})\n$`,
);

/**
 * Writes a checkpoint as the text that is signed: nine lines, each with its line feed, in one order.
 *
 * @param checkpoint its parts; what they must be is judged as in `parseAuditCheckpoint`
 * @throws audit.checkpoint_malformed
 */
export function formatAuditCheckpoint(checkpoint: AuditCheckpoint): string {
  const { trustDomain, central, number, seq, head, atMs, previous, key } = checkpoint;
  const text =
    `${AUDIT_CHECKPOINT_CONTEXT}\ntrust-domain ${trustDomain}\ncentral ${central}\nnumber ${number}\n` +
    `seq ${seq}\nhead ${head}\nat ${timeText(atMs)}\nprevious ${previous}\nkey ${key}\n`;
  parseAuditCheckpoint(text);
  return text;
}

/**
 * Reads a checkpoint's text, which has one form: one changed character makes another checkpoint or none.
 *
 * @param text of any origin
 * @throws audit.checkpoint_malformed
 */
export function parseAuditCheckpoint(text: string): AuditCheckpoint {
  const [, trustDomain, central, number, seq, head, at, previous, key] = match(text, CHECKPOINT);
  return {
    trustDomain: domainOf(trustDomain),
    central: central ?? "",
    number: numberOf(number),
    seq: numberOf(seq),
    head: head ?? "",
    atMs: timeOf(at),
    previous: previous ?? "",
    key: key ?? "",
  };
}

/**
 * Writes the statement by which the root certifies an audit key.
 *
 * @param statement its parts
 * @throws audit.checkpoint_malformed
 */
export function formatAuditKey(statement: AuditKeyStatement): string {
  const { trustDomain, central, number, spki, atMs } = statement;
  const text =
    `${AUDIT_KEY_CONTEXT}\ntrust-domain ${trustDomain}\ncentral ${central}\nnumber ${number}\n` +
    `key ${spki}\nat ${timeText(atMs)}\n`;
  parseAuditKey(text);
  return text;
}

/**
 * Reads the statement that certifies an audit key; nothing is verified yet.
 *
 * @param text of any origin
 * @throws audit.checkpoint_malformed
 */
export function parseAuditKey(text: string): AuditKeyStatement {
  const [, trustDomain, central, number, spki, at] = match(text, KEY_STATEMENT);
  return {
    trustDomain: domainOf(trustDomain),
    central: central ?? "",
    number: numberOf(number),
    spki: spki ?? "",
    atMs: timeOf(at),
  };
}

function match(text: string, form: RegExp): RegExpExecArray {
  const limit = LIMITS.auditCheckpointCharacters.value;
  if (text.length > limit) throw malformed(`it is longer than ${limit} characters`);
  const found = form.exec(text);
  if (found === null) throw malformed("it is not in its one form");
  return found;
}

function domainOf(text = ""): string {
  if (!isTrustDomain(text)) throw malformed("its trust domain is none");
  return text;
}

function numberOf(text = ""): number {
  const value = Number(text);
  if (value > LARGEST) throw malformed("a number of it is too large");
  return value;
}

/** A day that no month has is read as another day, which has another text. */
function timeOf(text = ""): number {
  const ms = Date.parse(text);
  if (!isTimestamp(ms) || formatTimestamp(ms) !== text) throw malformed("its time is none");
  return ms;
}

function timeText(ms: number): string {
  return isTimestamp(ms) ? formatTimestamp(ms) : "none";
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
