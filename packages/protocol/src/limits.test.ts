import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { formatAgentSettings, parseAgentSettings } from "./agent-settings.ts";
import { attributesToRecord } from "./attributes.ts";
import { parseAuditCheckpoint } from "./audit-checkpoint.ts";
import { encodeCheckpointNews } from "./audit-messages.ts";
import { formatTrailLine, parseTrailLine } from "./audit-trail-line.ts";
import { concatBytes } from "./bytes.ts";
import { canonicalConfigMap } from "./config-map.ts";
import { formatDuration } from "./duration.ts";
import { type EdgeReport, encodeEdgeReport } from "./edge-report.ts";
import { encodeEnrolmentGrant, encodeEnrolmentRequest } from "./enrolment-messages.ts";
import { isTautlineError } from "./error.ts";
import { encodeFileCertificateRequest } from "./file-certificate-messages.ts";
import { isForwardName } from "./forward-name.ts";
import { writeForwardHeader } from "./forward-frame.ts";
import { decodeForwardAnswer } from "./forward-payload.ts";
import { AnyValueSchema, KeyValueSchema } from "./gen/opamp/v1/anyvalue_pb.ts";
import { AgentConfigMapSchema, CustomCapabilitiesSchema } from "./gen/opamp/v1/opamp_pb.ts";
import { isHostPort } from "./host-port.ts";
import { judgeInstruction } from "./instruction-judgement.ts";
import { decodeInstruction, encodeInstruction, encodeSignedInstruction } from "./instruction.ts";
import { decodeJoinToken, encodeJoinToken, formatTokenCredential } from "./join-token.ts";
import { parseJson } from "./json.ts";
import { isKeyName } from "./key-identity.ts";
import { parseKeyText } from "./key-text.ts";
import { type LimitName, LIMITS } from "./limits.ts";
import { assertWithinBudget } from "./message-budget.ts";
import { isAgentName, isNamespace, isTrustDomain } from "./names.ts";
import { readOffer } from "./offer.ts";
import { decodeFrame, encodeAgentToServer } from "./opamp.ts";
import { isOperatorName } from "./operator.ts";
import { parseSpiffeId } from "./spiffe-id.ts";
import { encodeUtf8 } from "./utf8.ts";
import { fromWireText } from "./wire-error.ts";

const CODE = "opamp.malformed";
const NOW_MS = 1_700_000_000_000;
const HASH = new Uint8Array(32);
const TOKEN = {
  addresses: ["a:1"],
  pins: [HASH],
  trustDomain: "fleet.org",
  namespace: "default",
  tokenId: "t1",
  secret: HASH,
};
const REQUEST = { name: "a", serverCsrPem: "a", agentVersion: "1" };
const GRANT = {
  ...TOKEN,
  serverChainPem: "a",
  rootsPem: "a",
  instructorKeyPem: "a",
  signerEpoch: 1,
  name: "a",
  renewalCounter: 0n,
};
const INSTRUCTION = {
  namespace: "default",
  agentId: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
  kind: "settings",
  seq: 1n,
  signerEpoch: 1,
  createdMs: NOW_MS,
  expiresMs: NOW_MS + 1000,
  digest: HASH,
};
const SIGNED = { body: "a", signature: HASH, key: { body: "a", signature: HASH } };
const TRAIL_ENTRY = { type: "entry", seq: 1, previous: "", hash: "", body: "" } as const;
const STATE = {
  agentId: INSTRUCTION.agentId,
  namespace: "default",
  knownEpoch: 1,
  lastEpoch: 0,
  lastSeq: 0n,
  nowMs: NOW_MS,
  allowedKinds: new Set(["settings"]),
};

const SIGNED_INSTRUCTION = {
  instruction: Uint8Array.of(1),
  signature: new Uint8Array(64),
  keyId: new Uint8Array(32),
};

/** Runs what refuses by throwing; `complaint` tells a refusal for size from others that a filled-up value earns. */
function fits(run: () => unknown, complaint = /./): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return !complaint.test(error.message);
  }
}

function times<Value>(count: number, make: (at: number) => Value): Value[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

function field(number: number, content: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
}

/** AnyValue and ArrayValue in turn, so many messages in all. */
function nestedMessages(count: number): Uint8Array {
  let bytes: Uint8Array = new Uint8Array();
  for (let depth = count - 1; depth > 0; depth -= 1) bytes = field(depth % 2 === 1 ? 5 : 1, bytes);
  return bytes;
}

function configFiles(count: number): unknown {
  const configMap = Object.fromEntries(times(count, (at) => [`f${at}`, {}]));
  return canonicalConfigMap(create(AgentConfigMapSchema, { configMap }));
}

function settingsLabel(key: string, value: string): unknown {
  return formatAgentSettings({ labels: { [key]: value } });
}

const EDGE: EdgeReport = {
  listening: true,
  calls: 0,
  failed: 0,
  kept: 0,
  delivered: 0,
  waitingCalls: 0,
  waitingBytes: 0,
  losses: [],
  places: [],
  trouble: "",
  troubleAtMs: 0,
};
const letter = (at: number): string => String.fromCodePoint(97 + at);
const OFFER = "1; levels=tls";
const HOST = `${times(3, () => "a".repeat(63)).join(".")}.`;
const UNKNOWN_FIELD = Uint8Array.of(0xf8, 0x07, 0x01);

/** Whether a value of this size is taken, for every limit there is. */
const TAKES: Record<LimitName, (size: number) => boolean> = {
  opampMessageBytes: (size) => {
    const overhead =
      encodeAgentToServer({ customMessage: { data: new Uint8Array(size / 2) } }).length -
      Math.floor(size / 2);
    return fits(() =>
      encodeAgentToServer({ customMessage: { data: new Uint8Array(size - overhead) } }),
    );
  },
  opampUnprovenMessageBytes: (size) =>
    fits(() => decodeFrame(new Uint8Array(size + 1), LIMITS.opampUnprovenMessageBytes.value)),
  messageRecords: (size) =>
    fits(() =>
      assertWithinBudget(AnyValueSchema, concatBytes(...times(size, () => UNKNOWN_FIELD)), CODE),
    ),
  messageListEntries: (size) => {
    const list = concatBytes(...times(size, () => field(1, new Uint8Array())));
    return fits(() => assertWithinBudget(CustomCapabilitiesSchema, list, CODE));
  },
  messageDepth: (size) =>
    fits(() => assertWithinBudget(AnyValueSchema, nestedMessages(size), CODE)),
  attributes: (size) =>
    fits(() => attributesToRecord(times(size, (at) => create(KeyValueSchema, { key: `k${at}` })))),
  attributeBytes: (size) =>
    fits(() => attributesToRecord([create(KeyValueSchema, { key: "k".repeat(size) })])),
  configFiles: (size) => fits(() => configFiles(size)),
  jsonBytes: (size) =>
    fits(() => parseJson("1".padStart(size), { maxBytes: LIMITS.jsonBytes.value, maxDepth: 1 })),
  jsonDepth: (size) => {
    const text = "[".repeat(size) + "]".repeat(size);
    return fits(() => parseJson(text, { maxBytes: 1000, maxDepth: LIMITS.jsonDepth.value }));
  },
  keyTextBytes: (size) => fits(() => parseKeyText("k".repeat(size))),
  keyNameCharacters: (size) => isKeyName("k".repeat(size)),
  forwardNameCharacters: (size) => isForwardName("a".repeat(size)),
  namespaceCharacters: (size) => isNamespace("a".repeat(size)),
  trustDomainCharacters: (size) => isTrustDomain(HOST.padEnd(size, "b")),
  spiffeIdBytes: (size) => fits(() => parseSpiffeId("spiffe://".padEnd(size, "a")), /longer than/),
  agentNameCharacters: (size) => isAgentName("😀".repeat(size)),
  operatorNameCharacters: (size) => isOperatorName("a".repeat(size)),
  agentVersionCharacters: (size) =>
    fits(() => encodeEnrolmentRequest({ ...REQUEST, agentVersion: "1".repeat(size) })),
  offerCharacters: (size) => {
    const more = size - OFFER.length;
    const whole = `; a=${"b".repeat(64)}`;
    const params = whole.repeat(more / whole.length) + "; a=".padEnd(more % whole.length, "b");
    return readOffer(OFFER + params) !== undefined;
  },
  hostPortCharacters: (size) => isHostPort(`${HOST.padEnd(size - 6, "b")}:65535`),
  addresses: (size) =>
    fits(() => encodeJoinToken({ ...TOKEN, addresses: times(size, () => "a:1") })),
  pins: (size) => fits(() => encodeJoinToken({ ...TOKEN, pins: times(size, () => HASH) })),
  tokenIdCharacters: (size) => fits(() => formatTokenCredential("a".repeat(size), HASH)),
  joinTokenCharacters: (size) =>
    fits(() => decodeJoinToken("tautline1.".padEnd(size, "A")), /longer than/),
  certifiedNames: (size) =>
    fits(() =>
      encodeFileCertificateRequest({
        label: "web",
        names: times(size, (index) => `h${index}.example.org`),
        use: "server",
        csrPem: "a",
      }),
    ),
  csrBytes: (size) =>
    fits(() => encodeEnrolmentRequest({ ...REQUEST, serverCsrPem: "a".repeat(size) })),
  pemBytes: (size) => fits(() => encodeEnrolmentGrant({ ...GRANT, rootsPem: "a".repeat(size) })),
  settingsBytes: (size) => fits(() => parseAgentSettings("{}".padEnd(size))),
  settingsForwards: (size) => {
    const forwards = times(size, (at) => [`f${at}`, `127.0.0.1:${at + 1}`] as const);
    return fits(() => formatAgentSettings({ forwards: Object.fromEntries(forwards) }));
  },
  settingsLabels: (size) =>
    fits(() =>
      formatAgentSettings({ labels: Object.fromEntries(times(size, (at) => [`l${at}`, ""])) }),
    ),
  settingsLabelKeyCharacters: (size) => fits(() => settingsLabel("a".repeat(size), "")),
  settingsLabelValueCharacters: (size) => fits(() => settingsLabel("a", "😀".repeat(size))),
  heartbeatSecondsMin: (size) => fits(() => formatAgentSettings({ heartbeatSeconds: size })),
  heartbeatSecondsMax: (size) => fits(() => formatAgentSettings({ heartbeatSeconds: size })),
  instructionBytes: (size) => fits(() => decodeInstruction(new Uint8Array(size)), /more than/),
  instructionSubjectBytes: (size) =>
    fits(() => encodeSignedInstruction({ ...SIGNED_INSTRUCTION, subject: new Uint8Array(size) })),
  instructionKindCharacters: (size) =>
    fits(() => encodeInstruction({ ...INSTRUCTION, kind: "a".repeat(size) })),
  instructionLifetimeMs: (size) =>
    fits(() => encodeInstruction({ ...INSTRUCTION, expiresMs: NOW_MS + size })),
  clockToleranceMs: (size) =>
    judgeInstruction({ ...INSTRUCTION, createdMs: NOW_MS + size }, STATE).accept,
  wireTextCharacters: (size) => !fromWireText("a".repeat(size)).text.endsWith("…"),
  auditLineBytes: (size) => {
    const overhead = formatTrailLine(TRAIL_ENTRY).length;
    const line = formatTrailLine({ ...TRAIL_ENTRY, body: "b".repeat(size - overhead) });
    return fits(() => parseTrailLine(line));
  },
  auditCheckpointCharacters: (size) =>
    fits(() => parseAuditCheckpoint("a".repeat(size)), /longer than/),
  auditCheckpointsInMessage: (size) =>
    fits(() => encodeCheckpointNews({ earlier: times(size, () => "a"), newest: SIGNED })),
  forwardDataBytes: (size) => fits(() => writeForwardHeader(new Uint8Array(4), "data", size)),
  forwardControlBytes: (size) => fits(() => writeForwardHeader(new Uint8Array(4), "open", size)),
  forwardControlDepth: (size) => {
    const text = `{"a":${"[".repeat(size - 1)}${"]".repeat(size - 1)}}`;
    return fits(() => decodeForwardAnswer(encodeUtf8(text)));
  },
  edgeLosses: (size) =>
    fits(() =>
      encodeEdgeReport({
        ...EDGE,
        losses: times(size, (at) => ({ reason: letter(at), calls: 1 })),
      }),
    ),
  edgePlaces: (size) =>
    fits(() =>
      encodeEdgeReport({
        ...EDGE,
        places: times(size, () => ({ name: "a:1", state: "ready", code: "" })),
      }),
    ),
  durationMs: (size) => fits(() => formatDuration(size)),
};

for (const [name, takes] of Object.entries(TAKES) as [LimitName, (size: number) => boolean][]) {
  const { value, unit, why } = LIMITS[name];
  const beyond = name.endsWith("Min") ? value - 1 : value + 1;
  test(`${name}: ${value} ${unit} are taken, ${beyond} are refused`, () => {
    assert.ok(takes(value));
    assert.ok(!takes(beyond));
    assert.ok(why.length > 0);
  });
}
