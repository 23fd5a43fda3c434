import { defineErrors } from "./entry.ts";

/** Texts that are not of the form they should have: ids, names, durations, tokens. */
export const valueErrors = defineErrors({
  "value.spiffe_id": {
    sentence: "This is not a SPIFFE ID that Tautline uses: {reason}.",
    remedy:
      "Write it as spiffe://<namespace>.<trust-domain>/agent/<id> or spiffe://<trust-domain>/central, in lower case, with nothing after it.",
    status: 400,
    exit: 1,
  },
  "value.agent_id": {
    sentence: "'{text}' is not an agent id.",
    remedy: "An agent id is a UUID version 7 in lower case, as 'tautline agents list' prints it.",
    status: 400,
    exit: 2,
  },
  "value.agent_name": {
    sentence: "'{text}' cannot be the name of an agent.",
    remedy: "Use 1 to 128 printable characters, without a space at either end.",
    status: 400,
    exit: 2,
  },
  "value.operator_name": {
    sentence: "'{text}' cannot be the name of an operator.",
    remedy:
      "Use 1 to 64 lower-case letters, digits and inner . _ @ - such as 'ana' or 'ana@example.org'; 'local' is the admin socket's own name.",
    status: 400,
    exit: 2,
  },
  "value.operator_token": {
    sentence: "This is not a complete operator's token.",
    remedy:
      "Copy it again as 'tautline operators create' printed it: it starts with 'tautline-op.' and has 72 characters. A join token is no login.",
    status: 400,
    exit: 2,
  },
  "value.client_token": {
    sentence: "This is not a complete token of a telemetry client.",
    remedy:
      "Copy it again as 'tautline clients create' printed it: it starts with 'tautline-rx.' and has 72 characters.",
    status: 400,
    exit: 2,
  },
  "value.receiver_name": {
    sentence: "'{text}' cannot name a backend or a telemetry client.",
    remedy:
      "Use 1 to 63 lower-case letters, digits and inner hyphens (a DNS label), such as 'oap' or 'shop-tracing'.",
    status: 400,
    exit: 2,
  },
  "value.backend_target": {
    sentence: "'{text}' cannot be the address of a backend.",
    remedy:
      "Write host:port: a DNS name, an IPv4 address, or an IPv6 address in brackets; several with commas between them, at most 8, each once.",
    status: 400,
    exit: 2,
  },
  "value.claimant": {
    sentence: "'{text}' is nobody of whom it could be said what telemetry may claim to be.",
    remedy:
      "Write 'client:NAME', 'agent:ID', 'key:NAME', 'program:NAME' (the first name of its certificate), 'certificate:PIN' (SHA-256 of its key, 64 hexadecimal digits in lower case), 'namespace:NAME' for all of one, or 'nobody' for callers that prove nothing.",
    status: 400,
    exit: 2,
  },
  "value.claimed_name": {
    sentence:
      "'{text}' cannot be the name of a service or of an instance that may be claimed: {reason}.",
    remedy:
      "Write the name as the program sends it, such as 'shop' or 'payments/checkout', or its beginning with a star behind, such as 'shop-*'; a star alone stands for every name.",
    status: 400,
    exit: 2,
  },
  "value.backend_route": {
    sentence: "'{text}' cannot be a route of a backend: {reason}.",
    remedy:
      "Write a path from its first slash on: '/package.Service/Method', '/package.Service/*', '/package.*' for gRPC, '/v1/traces' or '/v3/*' for HTTP. Without any route a backend takes what no other one does.",
    status: 400,
    exit: 2,
  },
  "value.certified_name": {
    sentence: "'{text}' cannot be a name in a certificate.",
    remedy:
      "Write a DNS name in lower case without a final dot, an IPv4 address, or an IPv6 address in its shortest spelling; *. stands before a name of two labels and more.",
    status: 400,
    exit: 2,
  },
  "value.namespace": {
    sentence: "'{text}' cannot be the name of a namespace.",
    remedy:
      "Use 1 to 40 lower-case letters, digits and inner hyphens, starting with a letter (a DNS label).",
    status: 400,
    exit: 2,
  },
  "value.forward_name": {
    sentence: "'{text}' cannot name a forward.",
    remedy: "Use 1 to 63 lower-case letters, digits and inner hyphens (a DNS label).",
    status: 400,
    exit: 2,
  },
  "value.forward_target": {
    sentence: "'{text}' cannot be the target of a forward.",
    remedy:
      "Write a name or an address and a port: db.example.org:5432, 192.0.2.7:5432 or [2001:db8::7]:5432.",
    status: 400,
    exit: 2,
  },
  "value.trust_domain": {
    sentence: "'{text}' cannot be a trust domain.",
    remedy: "Use a lower-case DNS name such as 'fleet.example.org'.",
    status: 400,
    exit: 2,
  },
  "value.duration": {
    sentence: "'{text}' is not a duration.",
    remedy: "Write a whole number and a unit: 90s, 15m, 24h or 30d.",
    status: 400,
    exit: 2,
  },
  "value.join_token": {
    sentence: "This is not a complete join token: {reason}.",
    remedy:
      "Copy the whole token again as 'tautline tokens create' printed it; it starts with 'tautline1.' and has no spaces.",
    status: 400,
    exit: 2,
  },
  "value.json": {
    sentence: "This JSON is refused: {reason}.",
    remedy:
      "Send one JSON document within the stated size and depth, without the keys __proto__, constructor and prototype.",
    status: 400,
    exit: 1,
  },
  "value.agent_settings": {
    sentence: "The agent settings are refused: {path}: {reason}.",
    remedy: "See docs/reference/agent-settings.md for every key, its unit and its range.",
    status: 400,
    exit: 2,
  },
  "value.timestamp": {
    sentence: "{timeMs} ms is not a point in time.",
    remedy: "Use milliseconds since 1970, up to the year 9999; compare the clocks of both hosts.",
    status: 400,
    exit: 1,
  },
  "value.hex": {
    sentence: "A text that should be hexadecimal is not.",
    remedy: "Write it with the characters 0-9 and a-f, two for each byte.",
    status: 400,
    exit: 2,
  },
  "value.base64url": {
    sentence: "A text that should be base64url is not, or lacks its end.",
    remedy: "Copy it again and whole; it has no padding and no spaces (RFC 4648 section 5).",
    status: 400,
    exit: 2,
  },
  "value.utf8": {
    sentence: "Bytes that should be text are not UTF-8.",
    remedy: "Save the text as UTF-8 and send it again.",
    status: 400,
    exit: 1,
  },
  "value.key_name": {
    sentence: "'{text}' cannot name a key.",
    remedy:
      "Use lower-case letters, digits, dots, dashes and underscores, at most 64, such as site-3.",
    status: 400,
    exit: 2,
  },
  "value.key_text": {
    sentence: "This cannot be the text of a key: {reason}.",
    remedy: "Make a strong one with 'tautline keygen' and give both ends the same.",
    status: 400,
    exit: 1,
  },
});
