import {
  fromProblem,
  OFFER_HEADER,
  parseJson,
  type PeerOffer,
  printableText,
  readOffer,
  readPeerTime,
  TIME_HEADER,
} from "@tautline/protocol";

const PROBLEM_LIMITS = { maxBytes: 16 * 1024, maxDepth: 8 };
const MAX_TEXT = 500;

/** What an HTTP answer says, as far as `doctor` wants to know. */
export interface HttpWords {
  /** Such as "HTTP/1.1 426 Upgrade Required". */
  readonly line: string;
  readonly status: number;
  /** Where it sends the caller instead. */
  readonly location: string | undefined;
  /** The other end's version and levels, by its own words. */
  readonly offer: PeerOffer | undefined;
  /** Its time: to the millisecond where it is a Tautline, else to the second by HTTP's Date (RFC 9110 section 6.6.1). */
  readonly time: { readonly ms: number; readonly isWholeSeconds: boolean } | undefined;
  /** Sentence and remedy of a problem document (RFC 9457). */
  readonly problem: { readonly text: string; readonly remedy: string | undefined } | undefined;
}

/**
 * Reads an HTTP answer of an end that has proven nothing: for showing to people alone.
 *
 * @param answer its bytes as latin1, from the first on
 * @returns undefined where it is no HTTP/1 answer
 */
export function readHttpWords(answer: string): HttpWords | undefined {
  const [head, body] = splitOnce(answer, "\r\n\r\n");
  const [line = "", ...fields] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: |$)/.exec(line)?.[1];
  if (status === undefined) return undefined;
  const values = (name: string): readonly string[] =>
    fields.flatMap((field) => {
      const [key, value] = splitOnce(field, ":");
      return key.toLowerCase() === name ? [value.trim()] : [];
    });
  return {
    line: printableText(line, MAX_TEXT),
    status: Number(status),
    location: values("location")[0],
    offer: readOffer(onlyOne(values(OFFER_HEADER))),
    time: timeOf(onlyOne(values(TIME_HEADER)), values("date")[0]),
    problem: (values("content-type")[0] ?? "").startsWith("application/problem+json")
      ? problemIn(body)
      : undefined,
  };
}

function splitOnce(text: string, at: string): readonly [string, string] {
  const place = text.indexOf(at);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + at.length)];
}

/** A header that came twice says nothing. */
function onlyOne(values: readonly string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined;
}

function timeOf(exact: string | undefined, date: string | undefined): HttpWords["time"] {
  const ms = readPeerTime(exact);
  if (ms !== undefined) return { ms, isWholeSeconds: false };
  const dateMs = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(dateMs) ? undefined : { ms: dateMs, isWholeSeconds: true };
}

function problemIn(body: string): HttpWords["problem"] {
  try {
    const text = Buffer.from(body, "latin1").toString("utf8");
    const problem = fromProblem(parseJson(text, PROBLEM_LIMITS));
    if (problem === undefined) return undefined;
    const { detail, remedy } = problem;
    return {
      text: printableText(detail, MAX_TEXT),
      remedy: remedy === undefined ? undefined : printableText(remedy, MAX_TEXT),
    };
  } catch {
    // A refusal stays a refusal when its explanation cannot be read.
    return undefined;
  }
}
