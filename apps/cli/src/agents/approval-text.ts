import { rowOf, textOf, type Row } from "../row.ts";
import type { PageLine } from "../table.ts";
import { spanText, timeAndDistance, toMs } from "../time-text.ts";

/**
 * Says what an agent waits for: "join", or "renewal after 61d".
 *
 * @param agent a row of central's
 */
export function waitsFor(agent: Row): string {
  const approval = rowOf(agent, "approval");
  const kind = textOf(approval, "kind");
  const expiredMs = toMs(approval["expiredAt"]);
  const askedMs = toMs(approval["requestedAt"]);
  if (kind !== "renewal" || expiredMs === undefined || askedMs === undefined) return kind;
  return `renewal after ${spanText(askedMs - expiredMs)}`;
}

/**
 * What an operator looks at before deciding about an agent; no lines for one that asks nothing.
 *
 * @param agent a page of central's
 * @param nowMs milliseconds since the epoch
 */
export function approvalLines(agent: Row, nowMs: number): readonly PageLine[] {
  const approval = rowOf(agent, "approval");
  const { kind, expiredAt, decision } = approval;
  if (kind === undefined) return [];
  const decided =
    decision === null
      ? "nobody yet: 'tautline agents approve' or 'decline'"
      : `${textOf(approval, "decision")} by ${textOf(approval, "decidedBy")} ${timeAndDistance(approval["decidedAt"], nowMs)}`;
  return [
    ["waits for", waitsFor(agent)],
    ["code", textOf(approval, "code")],
    ["asked", timeAndDistance(approval["requestedAt"], nowMs)],
    ["from", textOf(approval, "remoteAddress")],
    ["certificate ended", timeAndDistance(expiredAt, nowMs) || undefined],
    ["client key", `SHA-256 ${textOf(approval, "clientKey")}`],
    ["server key", `SHA-256 ${textOf(approval, "serverKey")}`],
    ["decided", decided],
  ];
}
