import { isTautlineError, TautlineError } from "@tautline/protocol";
import { unreachableReason } from "../tls-failure.ts";
import { decodeGrpcMessage, GRPC } from "./grpc-status.ts";

/** What Node and nghttp2 say of a backend that does not speak HTTP/2, or not HTTP. */
const MALFORMED: ReadonlyMap<string, string> = new Map([
  ["NGHTTP2_PROTOCOL_ERROR", "it broke the rules of HTTP/2"],
  ["NGHTTP2_FRAME_SIZE_ERROR", "what it sent is no frame of HTTP/2"],
  ["NGHTTP2_COMPRESSION_ERROR", "its headers cannot be read"],
  ["NGHTTP2_FLOW_CONTROL_ERROR", "it sent more than it was allowed to"],
  ["NGHTTP2_HTTP_1_1_REQUIRED", "it wants HTTP/1.1"],
  ["ERR_HTTP2_ERROR", "what it sent is not HTTP/2"],
]);

/** What Node says of a connection that went. */
const LOST: ReadonlyMap<string, string> = new Map([
  ["ECONNRESET", "it was reset"],
  ["EPIPE", "it was closed"],
  ["ETIMEDOUT", "it was not answered any more"],
  ["ERR_STREAM_PREMATURE_CLOSE", "it was closed"],
  ["ERR_HTTP2_STREAM_CANCEL", "it was closed"],
  ["ERR_HTTP2_GOAWAY_SESSION", "the backend takes no more calls on it"],
  ["ERR_HTTP2_INVALID_SESSION", "it was closed"],
  ["ERR_HTTP2_SESSION_ERROR", "the backend ended it"],
  ["ERR_HTTP2_PING_CANCEL", "it was closed"],
]);

/** The backend that something failed with, and what it should speak. */
export interface FailedPlace {
  readonly place: string;
  readonly protocol: "h2" | "http/1.1";
}

/**
 * Names what failed on the way to a backend (SWP-5).
 *
 * @param error what Node, nghttp2 or OpenSSL reported
 * @param at the backend
 * @returns carry.upstream_malformed or carry.upstream_lost; an error of ours stays itself
 */
export function nameUpstreamFailure(error: unknown, at: FailedPlace): TautlineError {
  if (isTautlineError(error)) return error;
  const code = codeOf(error);
  const { place } = at;
  const protocol = at.protocol === "h2" ? "HTTP/2" : "HTTP/1.1";
  const malformed = malformedReason(error, code);
  if (malformed !== undefined) {
    const detail = { place, protocol, reason: malformed };
    return new TautlineError("carry.upstream_malformed", { detail, cause: error });
  }
  const reason =
    LOST.get(code) ?? unreachableReason(code) ?? (code === "" ? "it was closed" : code);
  return new TautlineError("carry.upstream_lost", { detail: { place, reason }, cause: error });
}

/**
 * Says what a backend's own answer to a gRPC call means for whoever runs the two (SWP-5); the answer itself passes unchanged.
 *
 * @param trailers status and message, as they came
 * @param place name of the backend
 * @returns carry.backend_denied, carry.backend_overloaded, carry.backend_lacks_service, carry.backend_failed; undefined for answers that
 * are between the program and its backend
 */
export function nameBackendStatus(
  trailers: { readonly status: number; readonly message: string },
  place: string,
): TautlineError | undefined {
  const code = BACKEND[trailers.status];
  if (code === undefined) return undefined;
  const said = decodeGrpcMessage(trailers.message);
  const text = said === "" ? "it gave no reason." : said;
  return new TautlineError(code, { detail: { place, status: trailers.status, text } });
}

const BACKEND: Readonly<
  Record<
    number,
    | "carry.backend_denied"
    | "carry.backend_overloaded"
    | "carry.backend_lacks_service"
    | "carry.backend_failed"
  >
> = {
  [GRPC.PERMISSION_DENIED]: "carry.backend_denied",
  [GRPC.UNAUTHENTICATED]: "carry.backend_denied",
  [GRPC.RESOURCE_EXHAUSTED]: "carry.backend_overloaded",
  [GRPC.UNIMPLEMENTED]: "carry.backend_lacks_service",
  [GRPC.INTERNAL]: "carry.backend_failed",
  [GRPC.UNAVAILABLE]: "carry.backend_failed",
};

/** nghttp2 ends connections on which more has to be answered than is read (NGHTTP2_ERR_FLOODED). */
const FLOODED = -904;

/**
 * Names why a caller's connection ended.
 *
 * @param error what Node or nghttp2 reported
 * @returns carry.abusive, carry.caller_lost or carry.not_http; an error of ours stays itself
 */
export function nameCallerFailure(error: unknown): TautlineError {
  if (isTautlineError(error)) return error;
  if (error instanceof Error && Reflect.get(error, "errno") === FLOODED) {
    const detail = { what: "frames that have to be answered" };
    return new TautlineError("carry.abusive", { detail, cause: error });
  }
  const code = codeOf(error);
  if (code === "" || code.startsWith("HPE_") || code.startsWith("ERR_HTTP2_")) {
    const reason = error instanceof Error ? error.message : "its frames cannot be read";
    return new TautlineError("carry.not_http", { detail: { reason }, cause: error });
  }
  return new TautlineError("carry.caller_lost", { cause: error });
}

/** Node's parser of HTTP/1.1 has a code for each rule; of nghttp2's, the text alone says which. */
function malformedReason(error: unknown, code: string): string | undefined {
  if (code.startsWith("HPE_")) return `what it sent is not HTTP/1.1 (${code})`;
  if (MALFORMED.has(code)) return MALFORMED.get(code);
  const text = error instanceof Error ? error.message : "";
  const [name = ""] = /NGHTTP2_[A-Z0-9_]+/.exec(text) ?? [];
  return MALFORMED.get(name);
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "";
}
