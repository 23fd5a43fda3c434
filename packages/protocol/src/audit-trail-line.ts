import type { SignedCheckpoint, SignedText } from "./audit-messages.ts";
import { fromBase64Url, toBase64Url } from "./bytes.ts";
import { isTautlineError, TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";
import { utf8Length } from "./utf8.ts";

/** Where an export begins: whose trail it is, and after which entry. */
export interface TrailHead {
  readonly type: "trail";
  readonly format: 1;
  readonly trustDomain: string;
  /** Id of central's database, a UUID. */
  readonly central: string;
  /** Central's root certificate, PEM. */
  readonly root: string;
  /** Number of the entry before the first one exported; 0 where it begins with the trail. */
  readonly seq: number;
  /** Hash of that entry; 64 zeros where it begins with the trail. */
  readonly hash: string;
}

/** An entry of the trail as it was hashed. */
export interface TrailEntry {
  readonly type: "entry";
  readonly seq: number;
  readonly previous: string;
  readonly hash: string;
  readonly body: string;
}

/** A signed checkpoint, right behind the entry that it names. */
export interface TrailCheckpoint {
  readonly type: "checkpoint";
  readonly checkpoint: SignedCheckpoint;
}

/** Where an export ends: `end` of the trail as it was then; `more` where only this answer ends and the trail is to be followed on. */
export interface TrailEnd {
  readonly type: "end" | "more";
  readonly seq: number;
  readonly hash: string;
}

/** One line of an audit export (docs/reference/audit.md). */
export type TrailLine = TrailHead | TrailEntry | TrailCheckpoint | TrailEnd;

/**
 * Writes a line of an export: one JSON object, keys in one order, without the line feed.
 *
 * @param line what it says
 */
export function formatTrailLine(line: TrailLine): string {
  return JSON.stringify(toJson(line));
}

/**
 * Reads a line of an export. There is one way to write each line: any other is refused, so that one changed byte is found.
 *
 * @param text without its line feed
 * @throws value.json for what is not JSON, or not a line as `formatTrailLine` writes it
 */
export function parseTrailLine(text: string): TrailLine {
  const limit = LIMITS.auditLineBytes.value;
  if (text.length > limit || utf8Length(text) > limit)
    throw odd(`it is larger than ${limit} bytes`);
  const line = fromJson(parse(text));
  // Whatever JSON leaves open (keys twice, escapes, spaces) is settled by writing it again.
  if (line === undefined || formatTrailLine(line) !== text) throw odd("it is not as it is written");
  return line;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw odd("it is not JSON", cause);
  }
}

/**
 * Writes a checkpoint as the JSON object that stands in exports, in `agent status --json` and in the answer of `audit head`.
 *
 * @param checkpoint with its signatures
 */
export function checkpointToJson(checkpoint: SignedCheckpoint): Readonly<Record<string, unknown>> {
  const { key } = checkpoint;
  return { ...signedToJson("checkpoint", checkpoint), key: signedToJson("key", key) };
}

/**
 * Reads a checkpoint from that JSON object.
 *
 * @param value parsed JSON of any origin
 * @returns undefined for anything else
 */
export function checkpointFromJson(value: unknown): SignedCheckpoint | undefined {
  const signed = signedFromJson("checkpoint", value);
  const key = signedFromJson("key", fieldsOf(value)["key"]);
  return signed === undefined || key === undefined ? undefined : { ...signed, key };
}

function toJson(line: TrailLine): object {
  switch (line.type) {
    case "trail": {
      const { type, format, trustDomain, central, root, seq, hash } = line;
      return { type, format, trustDomain, central, root, seq, hash };
    }
    case "entry": {
      const { type, seq, previous, hash, body } = line;
      return { type, seq, previous, hash, body };
    }
    case "checkpoint":
      return checkpointToJson(line.checkpoint);
    default: {
      const { type, seq, hash } = line;
      return { type, seq, hash };
    }
  }
}

function fromJson(value: unknown): TrailLine | undefined {
  const fields = fieldsOf(value);
  const { type } = fields;
  if (type === "checkpoint") {
    const checkpoint = checkpointFromJson(value);
    return checkpoint && { type, checkpoint };
  }
  const seq = fields["seq"];
  const hash = textField(fields, "hash");
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || hash === undefined) return undefined;
  if (type === "end" || type === "more") return { type, seq, hash };
  if (type === "entry") {
    const previous = textField(fields, "previous");
    const body = textField(fields, "body");
    return previous === undefined || body === undefined
      ? undefined
      : { type, seq, previous, hash, body };
  }
  return type === "trail" ? headFromJson(fields, seq, hash) : undefined;
}

function headFromJson(
  fields: Readonly<Record<string, unknown>>,
  seq: number,
  hash: string,
): TrailHead | undefined {
  const trustDomain = textField(fields, "trustDomain");
  const central = textField(fields, "central");
  const root = textField(fields, "root");
  if (fields["format"] !== 1) return undefined;
  if (trustDomain === undefined || central === undefined || root === undefined) return undefined;
  return { type: "trail", format: 1, trustDomain, central, root, seq, hash };
}

function signedToJson(type: string, { body, signature }: SignedText) {
  return { type, body, signature: toBase64Url(signature) };
}

function signedFromJson(type: string, value: unknown): SignedText | undefined {
  const fields = fieldsOf(value);
  const body = textField(fields, "body");
  const signature = textField(fields, "signature");
  if (fields["type"] !== type || body === undefined || signature === undefined) return undefined;
  try {
    return { body, signature: fromBase64Url(signature) };
  } catch (error) {
    if (isTautlineError(error)) return undefined;
    throw error;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function textField(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" ? value : undefined;
}

function odd(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("value.json", { cause, detail: { reason } });
}
