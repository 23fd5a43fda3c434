import { defineErrors } from "./entry.ts";

/** Telemetry that is carried from a caller to a backend: what the caller did, what the backend did, and what lies between. */
export const carryErrors = defineErrors({
  "carry.no_upstream": {
    sentence: "No backend for this call can be reached; the first of them, {place}: {reason}",
    remedy:
      "Start the backend, or correct its address where it is named. Whoever called may call again.",
    status: 503,
    exit: 3,
  },
  "carry.upstream_lost": {
    sentence: "The connection with the backend {place} was lost in the middle of a call: {reason}.",
    remedy:
      "It is dialled again by itself. Whether the backend took the call cannot be known, so it was not sent twice; look at the backend's log and at the network to it.",
    status: 502,
    exit: 3,
  },
  "carry.upstream_reset": {
    sentence: "The backend {place} broke the call off: {reason}.",
    remedy: "Look at the backend's log for this call.",
    status: 502,
    exit: 1,
  },
  "carry.upstream_malformed": {
    sentence: "What the backend {place} speaks is not {protocol}: {reason}.",
    remedy:
      "Check that the address leads to the port for {protocol}, and that plaintext and TLS are as the backend has them.",
    status: 502,
    exit: 1,
  },
  "carry.upstream_silent": {
    sentence: "The backend {place} did nothing for {timeoutMs} ms.",
    remedy: "Look at the backend's load and at the network to it. Whoever called may call again.",
    status: 504,
    exit: 3,
  },
  "carry.backend_not_grpc": {
    sentence: "The backend {place} answered a gRPC call with HTTP status {status} and no gRPC.",
    remedy:
      "Check that the address leads to the backend's gRPC port, and not to its HTTP port or to a proxy in front of it.",
    status: 502,
    exit: 1,
  },
  "carry.backend_denied": {
    sentence: "The backend {place} refused the call as not allowed (gRPC status {status}): {text}",
    remedy:
      "Give the caller the token that the backend wants, such as SW_AUTHENTICATION of a SkyWalking backend, or let it pass on.",
    status: 403,
    exit: 1,
  },
  "carry.backend_overloaded": {
    sentence: "The backend {place} takes no more at present (gRPC status {status}): {text}",
    remedy: "Give the backend more room, or let its callers send less; they may call again later.",
    status: 429,
    exit: 1,
  },
  "carry.backend_lacks_service": {
    sentence: "The backend {place} does not have what was called (gRPC status {status}): {text}",
    remedy:
      "Check that the service is switched on at the backend, and that caller and backend are of versions that fit.",
    status: 501,
    exit: 1,
  },
  "carry.backend_failed": {
    sentence: "The backend {place} could not do what was called (gRPC status {status}): {text}",
    remedy: "Look at the backend's log for this call.",
    status: 502,
    exit: 1,
  },
  "carry.message_too_large": {
    sentence: "A message of {bytes} bytes is longer than the limit of {limit}.",
    remedy:
      "Let the program send smaller messages, such as smaller batches, or raise the limit of this route.",
    status: 413,
    exit: 1,
  },
  "carry.too_much_held": {
    sentence:
      "Messages are looked at here when they are whole, and there is no more room for those that are not.",
    remedy:
      "Call again in a moment, and send smaller batches. If it stays: callers send messages and do not finish them; 'tautline links list --kind receiver' at central shows who calls.",
    status: 429,
    exit: 3,
  },
  "carry.body_too_large": {
    sentence: "The request's body is longer than the limit of {limit} bytes.",
    remedy:
      "Let the program send smaller requests, such as smaller batches, or raise the limit of this route.",
    status: 413,
    exit: 1,
  },
  "carry.headers_too_large": {
    sentence: "The call's headers are longer than the limit of {limit} bytes, or too many.",
    remedy: "Let the program send less metadata.",
    status: 431,
    exit: 1,
  },
  "carry.deadline_exceeded": {
    sentence: "The call was not over within {timeoutMs} ms, the deadline that its caller set.",
    remedy: "Look at the backend's load, or let the program wait longer.",
    status: 504,
    exit: 1,
  },
  "carry.deadline_malformed": {
    sentence: "'{text}' is not a deadline of gRPC.",
    remedy:
      "Send in grpc-timeout at most eight digits and one of H, M, S, m, u, n, such as 10S (gRPC over HTTP/2).",
    status: 400,
    exit: 1,
  },
  "carry.silent": {
    sentence: "Nothing moved in a call for {timeoutMs} ms.",
    remedy: "Look at the network between caller and backend. Whoever called may call again.",
    status: 408,
    exit: 1,
  },
  "carry.cancelled": {
    sentence: "The caller broke its call off: {reason}.",
    remedy: "Nothing to do, unless the program complains: then look at what it waited for.",
    status: 400,
    exit: 1,
  },
  "carry.caller_lost": {
    sentence: "The caller's connection ended in the middle of a call.",
    remedy:
      "Look at whether the program was stopped, and at the network to it. Programs dial again by themselves.",
    status: 400,
    exit: 1,
  },
  "carry.not_http": {
    sentence: "What came over the connection is neither HTTP/2 nor HTTP/1.1: {reason}.",
    remedy:
      "Point only programs that speak gRPC or HTTP at this port, and check on which side TLS is switched on.",
    status: 400,
    exit: 1,
  },
  "carry.wants_http2": {
    sentence: "A gRPC call needs HTTP/2 all the way, and came or would have gone by HTTP/1.1.",
    remedy:
      "Call by HTTP/2, and name the backend's gRPC port in this route. A proxy in front may have to be told to speak HTTP/2 onward.",
    status: 400,
    exit: 1,
  },
  "carry.method_refused": {
    sentence: "The method {method} is not carried.",
    remedy: "Send telemetry with POST. Tunnels and upgrades do not lead through here.",
    status: 405,
    exit: 1,
  },
  "carry.path_refused": {
    sentence: "What the call asks for is no plain path: '{path}'.",
    remedy:
      "Call a path that begins with a slash and has no '.' or '..' in it, such as /v1/traces; a path that means two things is not judged.",
    status: 400,
    exit: 1,
  },
  "carry.abusive": {
    sentence: "The caller sent more {what} than any program in order does.",
    remedy:
      "Its connection was closed. If this is a program of yours, look at why it cancels or pings so often.",
    status: 429,
    exit: 1,
  },
  "carry.no_first_call": {
    sentence: "No whole call came within {timeoutMs} ms after connecting.",
    remedy: "Nothing to do for programs that dial when they call. Look at the network to others.",
    status: 408,
    exit: 1,
  },
  "carry.idle": {
    sentence: "The connection had no call for {timeoutMs} ms.",
    remedy: "Nothing to do: programs dial again when they call.",
    status: 408,
    exit: 1,
  },
  "carry.caller_silent": {
    sentence: "The caller did not answer within {timeoutMs} ms whether it is still there.",
    remedy:
      "Look at the network to it, such as a firewall that forgets connections. Programs dial again by themselves.",
    status: 408,
    exit: 1,
  },
  "carry.stopping": {
    sentence: "This end is being stopped or set up anew.",
    remedy: "Call again; programs dial again by themselves.",
    status: 503,
    exit: 3,
  },
});
