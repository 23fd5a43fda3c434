import {
  isTautlineError,
  LIMITS,
  parseTrailLine,
  TautlineError,
  type TrailLine,
} from "@tautline/protocol";

const LINE_FEED = 0x0a;

/** A line as it is written and what it says. */
export interface ReadLine {
  readonly text: string;
  readonly line: TrailLine;
}

/**
 * Reads an export line by line; no more than one line is held.
 *
 * @param chunks its bytes, in any pieces
 * @param file what it is called in refusals
 * @throws audit.export_malformed
 */
export async function* readTrailLines(
  chunks: AsyncIterable<Buffer>,
  file: string,
): AsyncGenerator<ReadLine> {
  let at = 0;
  for await (const bytes of splitLines(chunks)) {
    at += 1;
    yield readLine(bytes, { line: at, file });
  }
}

function readLine(
  bytes: Buffer | undefined,
  where: { readonly line: number; readonly file: string },
): ReadLine {
  try {
    if (bytes === undefined) throw malformed(where, "it is too long or ends in the middle");
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, line: parseTrailLine(text) };
  } catch (cause) {
    if (isTautlineError(cause) && cause.code === "audit.export_malformed") throw cause;
    const reason = isTautlineError(cause) ? String(cause.detail["reason"]) : "it is not UTF-8";
    throw malformed(where, reason, cause);
  }
}

/** Gives undefined, as the last, for a line beyond the limit and for one that has no end. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | undefined> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      yield Buffer.concat([...held, chunk.subarray(from, end)]);
      held = [];
      size = 0;
      from = end + 1;
    }
    held.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > LIMITS.auditLineBytes.value) break;
  }
  if (size > 0) yield undefined;
}

function malformed(
  { line, file }: { readonly line: number; readonly file: string },
  reason: string,
  cause?: unknown,
): TautlineError {
  const detail = { line, file, reason };
  return new TautlineError("audit.export_malformed", { cause, detail });
}
