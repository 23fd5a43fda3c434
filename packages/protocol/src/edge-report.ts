import { TautlineError } from "./error.ts";
import { EdgeReportSchema } from "./gen/tautline/v1/edge_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { printableText } from "./printable-text.ts";

/**
 * Why an edge lost a call that could have been kept: the store is full, its disk fails, or too many calls are under way (its program was
 * told so), it became too old, its record is damaged, its whole file could not be read at a start, or the backend refused it when it
 * was sent again.
 */
export const EDGE_LOSS_REASONS = [
  "full",
  "disk",
  "busy",
  "age",
  "damage",
  "unreadable",
  "refused",
] as const;

/** One of them. */
export type EdgeLossReason = (typeof EDGE_LOSS_REASONS)[number];

/** How an agent's edge fares, as it tells central. Counts are of all its runs. */
export interface EdgeReport {
  /** Whether programs can call it now. */
  readonly listening: boolean;
  /** Calls of programs, and how many of them did not end in order. */
  readonly calls: number;
  readonly failed: number;
  /** Calls that were kept on the disk, and how many of those the other end has taken since. */
  readonly kept: number;
  readonly delivered: number;
  /** What is kept now. */
  readonly waitingCalls: number;
  readonly waitingBytes: number;
  /** By reason, each once; a later version may name reasons that this one does not know. */
  readonly losses: readonly { readonly reason: string; readonly calls: number }[];
  /** Where calls go, in the order in which it is tried. */
  readonly places: readonly {
    readonly name: string;
    /** "idle", "connecting", "ready" or "out"; a later version may have more words. */
    readonly state: string;
    /** Why it is out, as an error code; empty where it is not. */
    readonly code: string;
  }[];
  /** Error code of what went wrong last, and when by the agent's clock; empty and 0 where nothing did. */
  readonly trouble: string;
  readonly troubleAtMs: number;
}

/** The last millisecond of the year 9999, as RFC 3339 can still write it. */
const LATEST_MS = 253_402_300_799_999;
const CODE = "agent.edge_report_malformed";
const WORD = /^[a-z]{1,32}$/;
const ERROR_CODE = /^(?:[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,63})?$/;

/**
 * Encodes a report: the data of a custom message.
 *
 * @param report judged here as in `decodeEdgeReport`
 * @throws agent.edge_report_malformed
 */
export function encodeEdgeReport(report: EdgeReport): Uint8Array {
  const { listening, losses, places, trouble, ...counts } = judged(report);
  return encodeMessage(
    EdgeReportSchema,
    {
      listening,
      calls: BigInt(counts.calls),
      failed: BigInt(counts.failed),
      kept: BigInt(counts.kept),
      delivered: BigInt(counts.delivered),
      waitingCalls: BigInt(counts.waitingCalls),
      waitingBytes: BigInt(counts.waitingBytes),
      losses: losses.map(({ reason, calls }) => ({ reason, calls: BigInt(calls) })),
      places: places.map(({ name, state, code }) => ({ name, state, code })),
      trouble,
      troubleAtMs: BigInt(counts.troubleAtMs),
    },
    CODE,
  );
}

/**
 * Decodes a report. Names in it are made printable, because they go to terminals.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws agent.edge_report_malformed
 */
export function decodeEdgeReport(bytes: Uint8Array): EdgeReport {
  const message = decodeMessage(EdgeReportSchema, bytes, CODE);
  const { listening, losses, places, trouble } = message;
  return judged({
    listening,
    calls: Number(message.calls),
    failed: Number(message.failed),
    kept: Number(message.kept),
    delivered: Number(message.delivered),
    waitingCalls: Number(message.waitingCalls),
    waitingBytes: Number(message.waitingBytes),
    losses: losses.map(({ reason, calls }) => ({ reason, calls: Number(calls) })),
    places: places.map(({ name, state, code }) => ({ name, state, code })),
    trouble,
    troubleAtMs: Number(message.troubleAtMs),
  });
}

function judged(report: EdgeReport): EdgeReport {
  const { listening, losses, places, trouble, ...counts } = report;
  const numbers = [...Object.values(counts), ...losses.map(({ calls }) => calls)];
  if (numbers.some((each) => !Number.isSafeInteger(each) || each < 0)) {
    throw malformed("one of its counts is no number of calls or bytes");
  }
  // A time of an agent's clock that no date can show is none.
  if (counts.troubleAtMs > LATEST_MS) throw malformed("its time is no date");
  if (losses.length > LIMITS.edgeLosses.value) throw malformed(`it has ${losses.length} reasons`);
  const reasons = losses.map(({ reason }) => reason);
  if (reasons.some((each) => !WORD.test(each))) throw malformed("one of its reasons is no word");
  if (new Set(reasons).size !== reasons.length) throw malformed("it has a reason twice");
  if (places.length > LIMITS.edgePlaces.value) throw malformed(`it has ${places.length} places`);
  if (!ERROR_CODE.test(trouble)) throw malformed("its trouble is no error code");
  return { listening, losses, places: places.map(judgedPlace), trouble, ...counts };
}

function judgedPlace({ name, state, code }: EdgeReport["places"][number]) {
  if (!WORD.test(state)) throw malformed("the state of one of its places is no word");
  if (!ERROR_CODE.test(code)) throw malformed("the code of one of its places is none");
  return { name: printableText(name, LIMITS.hostPortCharacters.value), state, code };
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
