import { printableText } from "@tautline/protocol";

/** What the audit trail remembers; every name here is part of the trail's format and never reused for something else. */
export type AuditAction =
  | "agent.active"
  | "agent.approved"
  | "agent.clock-off"
  | "agent.clone-suspected"
  | "agent.declined"
  | "agent.deleted"
  | "agent.joined"
  | "agent.left"
  | "agent.move-ordered"
  | "agent.move-withdrawn"
  | "agent.pending"
  | "agent.promoted"
  | "agent.quarantined"
  | "agent.released"
  | "agent.renewed"
  | "agent.replaced"
  | "agent.revoked"
  | "agent.told-to-join"
  | "audit.fork"
  | "audit.fork-acknowledged"
  | "audit.key-created"
  | "authority.created"
  | "authority.retired"
  | "backend.added"
  | "backend.removed"
  | "central.started"
  | "central.stopped"
  | "certificate.issued"
  | "certificate.name_denied"
  | "certificate.names_allowed"
  | "certificate.refused"
  | "certificate.revoked"
  | "claim.refused"
  | "client.claims-allowed"
  | "client.claims-denied"
  | "client.created"
  | "client.refused"
  | "client.revoked"
  | "client.rotated"
  | "client.token-revoked"
  | "files.refused"
  | "files.taken"
  | "forward.allowed"
  | "forward.denied"
  | "forward.opened"
  | "forward.used"
  | "instruction.carried-out"
  | "instruction.issued"
  | "instruction.refused"
  | "instruction.unknown"
  | "key.created"
  | "key.deleted"
  | "key.exported"
  | "key.installed"
  | "key.removed"
  | "key.switched"
  | "key.withdrawn"
  | "link.refused"
  | "listener.changed"
  | "namespace.created"
  | "operator.created"
  | "operator.disabled"
  | "operator.refused"
  | "policy.agent-missing"
  | "policy.change-begun"
  | "policy.change-step"
  | "policy.changed"
  | "policy.exception-added"
  | "policy.exception-ended"
  | "policy.reopened"
  | "policy.reopening-ended"
  | "setting.changed"
  | "token.created"
  | "token.refused"
  | "token.revoked";

/** One thing that happened. */
export interface AuditEvent {
  readonly action: AuditAction;
  /** Who did it: `operator:<name>` (`operator:local` over the admin socket), `agent:<id>`, `token:<id>`, `client:<name>`, `central`, or `unproven:<address>`. */
  readonly actor: string;
  /** What it was done to, in the same form; also `key:<name>`, `forward:<name>`, `backend:<name>`, `policy:<namespace>/<kind>` `change:<number>` of policy and `reopening:<number>` of plaintext. */
  readonly subject: string;
  /** Further facts; never secrets. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** An entry of the trail, as stored and listed. */
export interface AuditEntry extends AuditEvent {
  readonly seq: number;
  readonly at: string;
}

/** The most characters of any text in an entry. */
export const MAX_AUDIT_TEXT = 512;
/** The most further facts of an entry; with more than these it would be a record, not an entry. */
export const MAX_AUDIT_DETAILS = 16;

/**
 * Writes an event as the text that is hashed: one line of JSON in a fixed order of keys; what could forge a line or move a
 * terminal's cursor is replaced, and every text is bounded (no log injection).
 *
 * @param seq the entry's number
 * @param atMs milliseconds since the epoch
 * @param event what happened
 */
export function formatAuditBody(seq: number, atMs: number, event: AuditEvent): string {
  const detail = Object.fromEntries(
    Object.entries(event.detail ?? {})
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, MAX_AUDIT_DETAILS)
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
  return printableText(text, MAX_AUDIT_TEXT);
}
