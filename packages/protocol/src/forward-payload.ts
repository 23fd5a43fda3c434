import { TautlineError } from "./error.ts";
import { isForwardName } from "./forward-name.ts";
import { FORWARD_END_BYTES } from "./forward-frame.ts";
import { parseJson } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { printableText } from "./printable-text.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";
import { fromProblem, toProblem, type WireProblem } from "./wire-error.ts";

/** What opens a stream: the name of a forward, and whatever else its two ends agree on. */
export interface ForwardRequest {
  readonly forward: string;
  readonly [member: string]: unknown;
}

/** What a stream was opened with: anything that the accepter wants to tell. */
export type ForwardAnswer = Readonly<Record<string, unknown>>;

/** Longest texts of a reason, in characters; the second always fits, whatever the characters. */
const REASON_CHARACTERS = [LIMITS.wireTextCharacters.value, 300] as const;

/**
 * Writes the payload of an `open`.
 *
 * @param request what is asked for
 * @throws forward.malformed where it is no request or too long
 */
export function encodeForwardRequest(request: ForwardRequest): Uint8Array {
  const payload = encodeDocument(request);
  decodeForwardRequest(payload);
  return payload;
}

/**
 * Reads the payload of an `open`.
 *
 * @param payload JSON (UTF-8)
 * @throws forward.malformed
 */
export function decodeForwardRequest(payload: Uint8Array): ForwardRequest {
  const document = decodeDocument(payload);
  const forward = document["forward"];
  if (typeof forward !== "string" || !isForwardName(forward)) {
    throw malformed("an 'open' does not name a forward");
  }
  return { ...document, forward };
}

/**
 * Writes the payload of an `opened`.
 *
 * @param answer may be empty
 * @throws forward.malformed where it is too long
 */
export function encodeForwardAnswer(answer: ForwardAnswer): Uint8Array {
  return encodeDocument(answer);
}

/**
 * Reads the payload of an `opened`.
 *
 * @param payload JSON (UTF-8)
 * @throws forward.malformed
 */
export function decodeForwardAnswer(payload: Uint8Array): ForwardAnswer {
  return decodeDocument(payload);
}

/**
 * Writes why something is refused, reset or closed: a problem document, its texts shortened where they would not fit. The cause
 * of the error stays here.
 *
 * @param error the reason
 */
export function encodeForwardReason(error: TautlineError): Uint8Array {
  const problem = toProblem(error);
  const [long, short] = REASON_CHARACTERS.map((characters) =>
    encodeUtf8(
      JSON.stringify({
        ...problem,
        detail: printableText(problem.detail, characters),
        remedy: printableText(problem.remedy, characters),
      }),
    ),
  );
  const fits = long !== undefined && long.length <= LIMITS.forwardControlBytes.value;
  return (fits ? long : short) ?? new Uint8Array();
}

/**
 * Reads why the other end refused, reset or closed. It is a claim: show it, never act on it (threat A4).
 *
 * @param payload JSON (UTF-8)
 * @throws forward.malformed where it is no problem document
 */
export function decodeForwardReason(payload: Uint8Array): WireProblem {
  const problem = fromProblem(decodeDocument(payload));
  if (problem === undefined) throw malformed("a reason has neither a title nor a detail");
  return problem;
}

/**
 * Writes the payload of an `end`.
 *
 * @param sentBytes how many bytes of data this end has sent in this stream
 */
export function encodeForwardEnd(sentBytes: number): Uint8Array {
  const payload = new Uint8Array(FORWARD_END_BYTES);
  new DataView(payload.buffer).setBigUint64(0, BigInt(sentBytes));
  return payload;
}

/**
 * Reads the payload of an `end`.
 *
 * @param payload 8 bytes
 * @returns how many bytes of data the other end says it sent; beyond 2^53 a number that no count reaches
 */
export function decodeForwardEnd(payload: Uint8Array): number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const count = view.getBigUint64(0);
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : Number.POSITIVE_INFINITY;
}

function encodeDocument(document: Readonly<Record<string, unknown>>): Uint8Array {
  const payload = encodeUtf8(JSON.stringify(document));
  const limit = LIMITS.forwardControlBytes.value;
  if (payload.length > limit) throw malformed(`a control frame would have over ${limit} bytes`);
  return payload;
}

function decodeDocument(payload: Uint8Array): Readonly<Record<string, unknown>> {
  const document = parse(payload);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw malformed("a control frame is not a JSON object");
  }
  return document as Readonly<Record<string, unknown>>;
}

function parse(payload: Uint8Array): unknown {
  const limits = {
    maxBytes: LIMITS.forwardControlBytes.value,
    maxDepth: LIMITS.forwardControlDepth.value,
  };
  try {
    return parseJson(decodeUtf8(payload), limits);
  } catch (cause) {
    throw malformed("a control frame is not JSON that is taken", cause);
  }
}

function malformed(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("forward.malformed", {
    detail: { reason },
    ...(cause !== undefined && { cause }),
  });
}
