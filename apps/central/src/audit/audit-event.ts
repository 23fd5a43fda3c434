/** What the audit trail remembers; every name here is part of the trail's format and never reused for something else. */
export type AuditAction =
  | "agent.active"
  | "agent.joined"
  | "agent.refused"
  | "agent.revoked"
  | "authority.created"
  | "central.started"
  | "central.stopped"
  | "instruction.carried-out"
  | "instruction.issued"
  | "instruction.refused"
  | "link.refused"
  | "namespace.created"
  | "setting.changed"
  | "token.created"
  | "token.refused"
  | "token.revoked";

/** One thing that happened. */
export interface AuditEvent {
  readonly action: AuditAction;
  /** Who did it: `operator:local`, `agent:<id>`, `token:<id>`, `central`, or `unproven:<address>`. */
  readonly actor: string;
  /** What it was done to, in the same form. */
  readonly subject: string;
  /** Further facts; never secrets. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** An entry of the trail, as stored and listed. */
export interface AuditEntry extends AuditEvent {
  readonly seq: number;
  readonly at: string;
}

const MAX_TEXT = 512;

/**
 * Writes an event as the text that is hashed: fixed key order, control characters gone, every text bounded (no log injection).
 *
 * @param seq the entry's number
 * @param atMs milliseconds since the epoch
 * @param event what happened
 */
export function formatAuditBody(seq: number, atMs: number, event: AuditEvent): string {
  const detail = Object.fromEntries(
    Object.entries(event.detail ?? {})
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, value]) => [clean(name), typeof value === "number" ? value : clean(value)]),
  );
  const entry: AuditEntry = {
    seq,
    at: new Date(atMs).toISOString(),
    action: event.action,
    actor: clean(event.actor),
    subject: clean(event.subject),
    detail,
  };
  return JSON.stringify(entry);
}

function clean(text: string): string {
  const visible = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
  return visible.length > MAX_TEXT ? `${visible.slice(0, MAX_TEXT)}...` : visible;
}
