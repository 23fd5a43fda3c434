import type { IncomingHttpHeaders } from "node:http";
import type { TautlineError } from "@tautline/protocol";
import type { HeldBytes } from "./held-bytes.ts";
import type { Upstreams } from "./upstreams.ts";

/** How a call begins, before anything of its body was read. */
export interface CallHead {
  readonly method: string;
  /** With its query, as it came: "/skywalking.v3.ManagementService/keepAlive". */
  readonly path: string;
  /** Its body is a stream of gRPC messages (content-type application/grpc, also with +proto and the like). */
  readonly isGrpc: boolean;
  /** As they came, names in lower case, without HTTP/2's pseudo-headers; what came twice is joined as Node joins it. */
  readonly headers: IncomingHttpHeaders;
  /** `:authority` or Host; empty where the caller named none. */
  readonly authority: string;
}

/** What one call may take; each is the carrier's own unless the verdict sets it. */
export interface CallLimits {
  /** Longest gRPC message, either way, bytes; 50 MiB unless told, as the receivers of SkyWalking take it (SW-9). */
  readonly messageBytes: number;
  /** Longest body of a plain HTTP request, bytes. */
  readonly bodyBytes: number;
  /** A plain HTTP call in which nothing moved either way for so long is given up, milliseconds. */
  readonly silentMs: number;
}

/**
 * Reads along with the messages of a gRPC request, or with the body of a plain HTTP one. Each is held back until it is whole and was
 * looked at, so one that is refused never reaches the backend.
 */
export interface MessageLook {
  /** Longer ones are refused (`carry.message_too_large`, `carry.body_too_large`): what is held back is memory. */
  readonly largestBytes: number;
  /** Shared with other calls: what would be held beyond it ends its call (`carry.too_much_held`). */
  readonly held?: HeldBytes;
  /**
   * @param message without its prefix of five bytes, or the whole body; not to be kept
   * @param compressed as the prefix says; the encoding stands in the call's `grpc-encoding`. False for a body: its `content-encoding` tells
   * @returns why the call ends here, or undefined to let the message pass
   */
  message(message: Buffer, compressed: boolean): TautlineError | undefined;
}

/** What is done with a call. */
export type CallVerdict =
  | {
      readonly to: Upstreams;
      /** Headers set on the way, in lower case; a copy that the caller sent is stripped first. */
      readonly set?: Readonly<Record<string, string>>;
      /** Headers of the caller that are not passed on, in lower case; a name ending in `*` strips all that begin so. */
      readonly strip?: readonly string[];
      readonly limits?: Partial<CallLimits>;
      readonly look?: MessageLook;
    }
  /**
   * gRPC is answered with trailers only: the fitting grpc-status, and sentence and remedy in grpc-message; plain HTTP with a problem
   * document (RFC 9457).
   */
  | { readonly refusal: TautlineError };

/** What became of a call, told when it is over. */
export interface CallRecord {
  readonly method: string;
  readonly path: string;
  readonly isGrpc: boolean;
  /** Of the answer; undefined where none was begun. */
  readonly httpStatus: number | undefined;
  /** Of the answer's trailers; undefined for plain HTTP, and where the call ended without. */
  readonly grpcStatus: number | undefined;
  /** Bytes of the bodies, and the gRPC messages begun in them. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly requestMessages: number;
  readonly responseMessages: number;
  readonly durationMs: number;
  /** Name of the place that answered it. */
  readonly place: string | undefined;
  /** Why it did not end in order: a refusal, a limit, an upstream that failed, a caller that went away. */
  readonly failure: TautlineError | undefined;
}
