import { type ClientHttp2Stream, constants } from "node:http2";
import { TautlineError } from "@tautline/protocol";
import { nameUpstreamFailure } from "./carry-failure.ts";
import type { Leg, LegEnd, LegEvents } from "./leg.ts";
import { resetName } from "./reset-name.ts";

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
const END_STREAM = 1;

/** The connection of a leg, as far as the leg's end depends on it. */
export interface LegConnection {
  readonly place: string;
  /** Why it is lost; undefined while it stands. */
  readonly loss: TautlineError | undefined;
  /** The last call that the backend took, once it said that it takes no more (GOAWAY). */
  readonly lastTaken: number | undefined;
  /** A call is broken off from this end. */
  noteReset(): void;
}

/**
 * Follows one call over HTTP/2.
 *
 * @param stream just requested
 * @param connection it runs over
 * @param events told what comes
 */
export function followHttp2Leg(
  stream: ClientHttp2Stream,
  connection: LegConnection,
  events: LegEvents,
): Leg {
  let failed: Error | undefined;
  let isWhole = false;
  let isCancelled = false;
  let id = stream.id;
  stream.on("ready", () => (id = stream.id));
  stream.on("response", (headers, flags, raw) => {
    const ends = (flags & END_STREAM) !== 0;
    if (ends) isWhole = true;
    events.head(headers[":status"] ?? 0, raw, ends, stream);
  });
  stream.on("trailers", (_headers, _flags, raw) => events.trailers(raw));
  stream.on("end", () => {
    // A stream that is torn down ends as well.
    if (isWhole || stream.rstCode !== NGHTTP2_NO_ERROR || connection.loss !== undefined) return;
    isWhole = true;
    events.end();
  });
  stream.on("error", (error) => (failed = error));
  stream.on("close", () => {
    if (isCancelled || isWhole) return events.over(undefined);
    events.over(endOf({ connection, code: stream.rstCode, failed, id }));
  });
  return {
    place: connection.place,
    body: stream,
    cancel: (code) => {
      isCancelled = true;
      connection.noteReset();
      stream.close(code);
    },
  };
}

interface Ended {
  readonly connection: LegConnection;
  readonly code: number;
  readonly failed: Error | undefined;
  readonly id: number | undefined;
}

function endOf({ connection, code, failed, id }: Ended): LegEnd {
  const { place, loss, lastTaken } = connection;
  const isPast = lastTaken !== undefined && id !== undefined && id > lastTaken;
  if (loss !== undefined) {
    return { error: loss, isUntaken: isPast || id === undefined, resetCode: undefined };
  }
  const isRefused = code === NGHTTP2_REFUSED_STREAM;
  if (failed !== undefined && !isStreamError(failed)) {
    const error = nameUpstreamFailure(failed, { place, protocol: "h2" });
    return { error, isUntaken: isPast || id === undefined, resetCode: undefined };
  }
  const detail = { place, reason: resetName(code) };
  const error = new TautlineError("carry.upstream_reset", { detail, cause: failed });
  return { error, isUntaken: isRefused || isPast, resetCode: code };
}

/** The backend reset this one stream, and said so. */
function isStreamError(error: Error): boolean {
  return Reflect.get(error, "code") === "ERR_HTTP2_STREAM_ERROR";
}
