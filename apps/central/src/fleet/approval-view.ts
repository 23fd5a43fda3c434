import { codeOf } from "../enrolment/approvals.ts";
import type { ApprovalRow } from "../store/schema.ts";

/** What is known of a candidate, for whoever decides. */
export interface ApprovalView {
  /** `renewal`: its certificate ended longer ago than central renews by itself. */
  readonly kind: "join" | "renewal";
  readonly decision: "approved" | "declined" | null;
  /** To be compared with what the host prints. */
  readonly code: string;
  readonly requestedAt: string;
  readonly remoteAddress: string;
  /** When the certificate ended by whose key a renewal is asked for. */
  readonly expiredAt: string | null;
  /** SHA-256 of the SPKIs, lower-case hex. */
  readonly clientKey: string;
  readonly serverKey: string;
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
}

/** A request for approval as lists show it. */
export function approvalView(row: ApprovalRow): ApprovalView {
  return {
    kind: row.kind,
    decision: row.decision,
    code: codeOf({ client: row.client_pin, server: row.server_pin }),
    requestedAt: new Date(row.requested_at).toISOString(),
    remoteAddress: row.remote_address,
    expiredAt: time(row.expired_at),
    clientKey: row.client_pin,
    serverKey: row.server_pin,
    decidedAt: time(row.decided_at),
    decidedBy: row.decided_by,
  };
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
