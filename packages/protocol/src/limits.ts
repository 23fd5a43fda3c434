import { defineLimits } from "./limit.ts";

const KIB = 1024;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Every limit of the protocol (DESIGN promise 5: limits before allocation); each has a test that exceeds it by one. */
export const LIMITS = defineLimits({
  opampMessageBytes: {
    value: KIB * KIB,
    unit: "bytes",
    why: "far above any status message, and small enough that a thousand at once fit in memory",
  },
  opampUnprovenMessageBytes: {
    value: 64 * KIB,
    unit: "bytes",
    why: "who has not proved who it is sends one join request, which takes a few kilobytes",
  },
  messageRecords: {
    value: 16_384,
    unit: "fields",
    why: "a field of two bytes can become an object of hundreds: bytes alone do not bound memory",
  },
  messageListEntries: {
    value: 1024,
    unit: "entries in a list",
    why: "a collector with every known component reports a few hundred",
  },
  messageDepth: {
    value: 32,
    unit: "messages in one another",
    why: "real messages nest less than ten deep; a decoder's stack must not depend on a peer",
  },
  attributes: {
    value: 256,
    unit: "attributes",
    why: "OpenTelemetry resources have tens",
  },
  attributeBytes: {
    value: 4096,
    unit: "bytes of key and value",
    why: "long enough for a command line",
  },
  configFiles: {
    value: 64,
    unit: "files",
    why: "an agent's configuration is one file, a collector's a handful",
  },
  jsonBytes: {
    value: KIB * KIB,
    unit: "bytes",
    why: "the largest document of the API is a list of agents",
  },
  jsonDepth: {
    value: 32,
    unit: "levels",
    why: "our documents nest less than ten deep",
  },
  namespaceCharacters: {
    value: 40,
    unit: "characters",
    why: "a DNS label that leaves room in the 253 characters of a host name for the trust domain",
  },
  keyNameCharacters: {
    value: 64,
    unit: "characters",
    why: "long enough for a site's name, short enough for the preface of a link and for TLS's PSK identity",
  },
  forwardNameCharacters: {
    value: 63,
    unit: "characters",
    why: "the length of a DNS label (RFC 1035 section 2.3.4)",
  },
  keyTextBytes: {
    value: 1024,
    unit: "bytes of UTF-8",
    why: "far longer than any key that people copy; what is derived from it has 32 bytes",
  },
  trustDomainCharacters: {
    value: 212,
    unit: "characters",
    why: "with the longest namespace and a dot it fills the 253 characters of a host name",
  },
  spiffeIdBytes: {
    value: 2048,
    unit: "bytes",
    why: "the SPIFFE ID specification, section 2.3",
  },
  agentNameCharacters: {
    value: 128,
    unit: "characters",
    why: "a label for people, as long as the longest host names in use",
  },
  operatorNameCharacters: {
    value: 64,
    unit: "characters",
    why: "a login name or a mail address",
  },
  agentVersionCharacters: {
    value: 64,
    unit: "characters",
    why: "a semantic version with build data",
  },
  offerCharacters: {
    value: 512,
    unit: "characters",
    why: "a version and sixteen levels, and as much again for what a newer version adds",
  },
  hostPortCharacters: {
    value: 259,
    unit: "characters",
    why: "253 of a host name, a colon and five digits",
  },
  addresses: {
    value: 16,
    unit: "addresses",
    why: "a central is reached by a handful of names",
  },
  pins: {
    value: 4,
    unit: "pins",
    why: "the current root and the next, and one rotation more",
  },
  tokenIdCharacters: {
    value: 64,
    unit: "characters",
    why: "room for any id central may choose",
  },
  joinTokenCharacters: {
    value: 4096,
    unit: "characters",
    why: "it must fit on a command line and in one environment variable",
  },
  csrBytes: {
    value: 16 * KIB,
    unit: "bytes",
    why: "a request with an RSA key of 4096 bits takes two kilobytes",
  },
  certifiedNames: {
    value: 32,
    unit: "names",
    why: "a program has a handful of names, and clients read every certificate whole",
  },
  pemBytes: {
    value: 64 * KIB,
    unit: "bytes",
    why: "a chain and its roots take a few kilobytes",
  },
  settingsBytes: {
    value: 64 * KIB,
    unit: "bytes",
    why: "every agent setting at its longest stays far below",
  },
  settingsForwards: {
    value: 16,
    unit: "forwards",
    why: "what central adds to the 64 that a host's own file may list",
  },
  settingsLabels: {
    value: 32,
    unit: "labels",
    why: "labels sort agents for people; more of them sort nothing",
  },
  settingsLabelKeyCharacters: {
    value: 63,
    unit: "characters",
    why: "the length of a DNS label (RFC 1035 section 2.3.4)",
  },
  settingsLabelValueCharacters: {
    value: 128,
    unit: "characters",
    why: "as long as an agent's name",
  },
  heartbeatSecondsMin: {
    value: 5,
    unit: "seconds",
    why: "more often costs central more than it tells",
  },
  heartbeatSecondsMax: {
    value: 3600,
    unit: "seconds",
    why: "an agent silent for longer cannot be told from a dead one",
  },
  instructionBytes: {
    value: 4096,
    unit: "bytes",
    why: "an instruction carries a digest, not what it is about",
  },
  instructionKindCharacters: {
    value: 64,
    unit: "characters",
    why: "a name chosen by us",
  },
  instructionLifetimeMs: {
    value: DAY_MS,
    unit: "milliseconds",
    why: "an instruction kept back by a thief or a proxy must go stale",
  },
  clockToleranceMs: {
    value: 5 * MINUTE_MS,
    unit: "milliseconds",
    why: "hosts without time synchronisation drift by minutes",
  },
  instructionSubjectBytes: {
    value: 8 * KIB,
    unit: "bytes",
    why: "sixteen addresses at their longest take half of it",
  },
  wireTextCharacters: {
    value: 1000,
    unit: "characters",
    why: "a sentence and a remedy; what a peer says goes to logs and terminals",
  },
  auditLineBytes: {
    value: 256 * KIB,
    unit: "bytes",
    why: "an entry whose every text is at its longest and made of quotes stays below",
  },
  auditCheckpointCharacters: {
    value: 1024,
    unit: "characters",
    why: "nine short lines, one of them with the longest trust domain",
  },
  auditCheckpointsInMessage: {
    value: 200,
    unit: "checkpoints",
    why: "an agent that was away for long is told in several messages of at most 200 kB",
  },
  forwardDataBytes: {
    value: 256 * KIB,
    unit: "bytes",
    why: "four reads of a socket in one frame; payload is passed on in parts as it comes, so it is never held whole",
  },
  forwardControlBytes: {
    value: 4 * KIB,
    unit: "bytes",
    why: "a name, or a sentence and a remedy; control frames are held until they are whole",
  },
  forwardControlDepth: {
    value: 8,
    unit: "levels",
    why: "what opens a stream is a flat document",
  },
  edgeLosses: {
    value: 16,
    unit: "reasons",
    why: "this version knows seven; a later one may know more",
  },
  edgePlaces: {
    value: 16,
    unit: "places",
    why: "an edge sends to central, or to as many receivers as its environment may name",
  },
  durationMs: {
    value: 36_500 * DAY_MS,
    unit: "milliseconds",
    why: "a hundred years; added to any present date it still is a date",
  },
});

/** Names of the limits. */
export type LimitName = keyof typeof LIMITS;
