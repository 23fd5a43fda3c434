import { defineErrors } from "./entry.ts";

/** Telemetry that central takes for backends. Callers are told settings and names of backends, and no address behind them. */
export const receiverErrors = defineErrors({
  "receiver.no_backend": {
    sentence: "No backend here takes {path}.",
    remedy:
      "'tautline backends list' at central shows what is taken, and over which protocol; 'tautline backends add' adds a route. A gRPC call needs a backend with --protocol grpc, any other one with --protocol http.",
    status: 404,
    exit: 1,
  },
  "receiver.caller_unproven": {
    sentence: "Backend '{backend}' takes no call of a caller without a certificate or a token.",
    remedy:
      "Give this program a token ('tautline clients create NAME' at central) or a client certificate, or let it send to the edge of an agent on its host. Whoever may call without is let in by 'tautline backends add … --anonymous'.",
    status: 401,
    exit: 1,
  },
  "receiver.program_unknown": {
    sentence: "Central has no record of this certificate as one for a program that calls.",
    remedy:
      "If central was restored from a backup, issue it again: 'tautline certs issue --client', or let the agent that keeps it ask anew by removing its files.",
    status: 403,
    exit: 1,
  },
  "receiver.program_revoked": {
    sentence:
      "The certificate {serial} of this program, or another one over the same key, was revoked.",
    remedy:
      "Ask who revoked it ('tautline audit list' at central). Another one over a new key opens the receiver again: 'tautline certs issue --client', or 'tautline certs allow' where an agent keeps it.",
    status: 403,
    exit: 1,
  },
  "receiver.token_needed": {
    sentence: "Backend '{backend}' takes no call without a client's token.",
    remedy:
      "Set it in this program: SW_AGENT_AUTHENTICATION=TOKEN for SkyWalking, OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer TOKEN' for OpenTelemetry. 'tautline clients create NAME' at central makes one.",
    status: 401,
    exit: 1,
  },
  "receiver.token_unknown": {
    sentence: "The token of this call is none that central knows.",
    remedy:
      "Copy it again as 'tautline clients create' printed it: it starts with 'tautline-rx.' and has 72 characters. A lost one is replaced by 'tautline clients rotate NAME'.",
    status: 401,
    exit: 1,
  },
  "receiver.token_ended": {
    sentence: "The token of this call is one of client '{name}' that has ended: {reason}.",
    remedy: "Give this program another: 'tautline clients rotate {name}' at central makes one.",
    status: 401,
    exit: 1,
  },
  "receiver.token_exposed": {
    sentence:
      "A client's token came in plaintext, which is not accepted for it: whoever listened has it now, so it opens nothing any more.",
    remedy:
      "Treat it as exposed. Let this program dial by TLS (SW_AGENT_SECURE=true, or https in OTEL_EXPORTER_OTLP_ENDPOINT), and make another token with 'tautline clients rotate NAME' at central.",
    status: 401,
    exit: 1,
  },
  "receiver.port_level": {
    sentence: "This port takes {accepted}, and this caller came at the level {level}.",
    remedy:
      "Change the caller, or let central accept it: 'tautline listeners set receiver --levels …', and for plaintext 'tautline listeners set receiver-plaintext --bind public'.",
    status: 426,
    exit: 1,
  },
  "receiver.route_level": {
    sentence:
      "Backend '{backend}' takes calls at {accepted}, and this one came at the level {level}.",
    remedy:
      "Change the caller, or add the backend anew with --levels. At mtls the caller shows a certificate of its own.",
    status: 426,
    exit: 1,
  },
  "receiver.namespace_refused": {
    sentence: "Backend '{backend}' is for one namespace, and this caller is not of it.",
    remedy:
      "Use a token or an agent of that namespace; 'tautline backends list' at central shows which.",
    status: 403,
    exit: 1,
  },
  "receiver.claim_refused": {
    sentence:
      "This telemetry calls itself {kind} '{claimed}', and backend '{backend}' takes that from nobody but those who may: {who} may not.",
    remedy:
      "Set the right name in this program (SW_AGENT_NAME and SW_AGENT_INSTANCE for SkyWalking; OTEL_SERVICE_NAME, or service.name in OTEL_RESOURCE_ATTRIBUTES, for OpenTelemetry). If the name is right: 'tautline clients allow {who} --{kind} …' at central lets it.",
    status: 403,
    exit: 1,
  },
  "receiver.claim_unreadable": {
    sentence:
      "Backend '{backend}' takes telemetry only where it can be told who it claims to be from, and here it cannot: {reason}.",
    remedy:
      "Let this program send protobuf, unpacked or packed with gzip, by the methods and paths that docs/reference/receiver.md lists; what sends something else is given a backend of its own with --route and without --claims.",
    status: 403,
    exit: 1,
  },
  "receiver.policy_level": {
    sentence:
      "The policy does not accept a receiver's links at the level {level} here; it accepts {accepted}.",
    remedy:
      "Let this program dial at one of these. At central: 'tautline policy show' tells what holds.",
    status: 426,
    exit: 1,
  },
  "receiver.too_many_uses": {
    sentence:
      "This connection has used {limit} different tokens and backends, and no call may add another.",
    remedy:
      "Open another connection. A proxy that brings the calls of many clients together should keep a connection for each.",
    status: 429,
    exit: 3,
  },
  "receiver.backend_forbidden": {
    sentence: "Backend '{name}' is nowhere that central may connect to: {reason}.",
    remedy:
      "Nothing was connected. If that place is meant, add the backend by the address itself, such as --to 127.0.0.1:11800; link-local and metadata addresses and central's own ports ask for --also-local as well, and so does a name of central's own host.",
    status: 502,
    exit: 1,
  },
  "receiver.backend_unreachable": {
    sentence: "Central cannot reach backend '{name}': {reason}.",
    remedy:
      "Look whether the backend runs and its host lets central in; 'tautline backends show {name}' at central tells of each address.",
    status: 503,
    exit: 3,
  },
  "receiver.backend_changed": {
    sentence: "Backend '{name}' was removed or changed while this call ran.",
    remedy: "Call again. 'tautline audit list' at central tells who changed it.",
    status: 503,
    exit: 3,
  },
});
