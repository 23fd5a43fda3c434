import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { agentIdFromBytes, parseAgentId } from "./agent-id.ts";
import { parseAgentSetting, parseAgentSettings } from "./agent-settings.ts";
import { attributesToRecord } from "./attributes.ts";
import { fromBase64Url, fromHex } from "./bytes.ts";
import { canonicalConfigMap } from "./config-map.ts";
import { parseDuration } from "./duration.ts";
import { decodeEdgeReport, encodeEdgeReport } from "./edge-report.ts";
import {
  decodeEnrolmentGrant,
  decodeEnrolmentRequest,
  decodeRenewalRequest,
  encodeEnrolmentGrant,
  encodeEnrolmentRequest,
  encodeRenewalRequest,
} from "./enrolment-messages.ts";
import { isTautlineError } from "./error.ts";
import { isHostPort } from "./host-port.ts";
import { decodeInstructionReceipt, encodeInstructionReceipt } from "./instruction-receipt.ts";
import {
  decodeInstruction,
  decodeSignedInstruction,
  encodeInstruction,
  encodeSignedInstruction,
} from "./instruction.ts";
import { decodeJoinToken, encodeJoinToken, parseTokenCredential } from "./join-token.ts";
import { parseJson } from "./json.ts";
import { parseAgentName, parseNamespace, parseTrustDomain } from "./names.ts";
import {
  decodeAgentToServer,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeServerToAgent,
} from "./opamp.ts";
import { formatOperatorToken, parseOperatorToken } from "./operator-token.ts";
import { parseOperatorName } from "./operator.ts";
import { parseSpiffeId } from "./spiffe-id.ts";
import { decodeUtf8 } from "./utf8.ts";
import { fromProblem, fromWireText } from "./wire-error.ts";

const MAX = 100_000;
const HASH = new Uint8Array(32);
const AGENT = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
const PLACE = { namespace: "default", trustDomain: "fleet.org" };
const INSTRUCTION = encodeInstruction({
  namespace: "default",
  agentId: AGENT,
  kind: "settings",
  seq: 1n,
  signerEpoch: 1,
  createdMs: 1,
  expiresMs: 2,
  digest: HASH,
});
const ATTRIBUTES = [
  { key: "a", value: { value: { case: "stringValue", value: "é" } } } as const,
  { key: "b", value: { value: { case: "doubleValue", value: 1.5 } } } as const,
];

/** [name, decoder, bytes that it takes]. */
const DECODERS: [string, (bytes: Uint8Array) => unknown, Uint8Array][] = [
  ["agentIdFromBytes", agentIdFromBytes, fromHex(AGENT.replaceAll("-", ""))],
  ["decodeUtf8", decodeUtf8, fromHex("61c3a9")],
  ["decodeFrame", (bytes) => decodeFrame(bytes, MAX), Uint8Array.of(0, 1)],
  [
    "decodeAgentToServer and what reads its parts",
    (bytes) => {
      const message = decodeAgentToServer(bytes, MAX);
      attributesToRecord(message.agentDescription?.identifyingAttributes ?? []);
      canonicalConfigMap(message.effectiveConfig?.configMap ?? { configMap: {} });
    },
    encodeAgentToServer({
      sequenceNum: 300n,
      agentDescription: { identifyingAttributes: ATTRIBUTES },
      effectiveConfig: { configMap: { configMap: { a: { body: HASH } } } },
      health: { componentHealthMap: { a: { healthy: true, statusTimeUnixNano: 1n } } },
    }),
  ],
  [
    "decodeServerToAgent",
    (bytes) => decodeServerToAgent(bytes, MAX),
    encodeServerToAgent({
      errorResponse: { errorMessage: "a", details: { case: "retryInfo", value: {} } },
      connectionSettings: { otherConnections: { a: { otherSettings: { b: "c" } } } },
    }),
  ],
  ["decodeInstruction", decodeInstruction, INSTRUCTION],
  [
    "decodeSignedInstruction",
    decodeSignedInstruction,
    encodeSignedInstruction({
      instruction: INSTRUCTION,
      signature: new Uint8Array(64),
      keyId: HASH,
    }),
  ],
  [
    "decodeInstructionReceipt",
    decodeInstructionReceipt,
    encodeInstructionReceipt({ signerEpoch: 1, seq: 300n, code: "a.b", text: "c" }),
  ],
  [
    "decodeEnrolmentRequest",
    decodeEnrolmentRequest,
    encodeEnrolmentRequest({ name: "a", serverCsrPem: "b", agentVersion: "1" }),
  ],
  [
    "decodeEnrolmentGrant",
    decodeEnrolmentGrant,
    encodeEnrolmentGrant({
      ...PLACE,
      serverChainPem: "a",
      rootsPem: "b",
      instructorKeyPem: "c",
      signerEpoch: 1,
      addresses: ["a:1"],
      name: "d",
      renewalCounter: 1n,
    }),
  ],
  [
    "decodeEdgeReport",
    decodeEdgeReport,
    encodeEdgeReport({
      listening: true,
      calls: 9,
      failed: 1,
      kept: 3,
      delivered: 2,
      waitingCalls: 1,
      waitingBytes: 300,
      losses: [{ reason: "age", calls: 7 }],
      places: [{ name: "central", state: "out", code: "link.refused" }],
      trouble: "agent.edge_store_full",
      troubleAtMs: 1,
    }),
  ],
  [
    "decodeRenewalRequest",
    decodeRenewalRequest,
    encodeRenewalRequest({ counter: 1n, serverCsrPem: "b", agentVersion: "1" }),
  ],
];

const JSON_LIMITS = { maxBytes: MAX, maxDepth: 8 };
const JOIN_TOKEN = encodeJoinToken({
  ...PLACE,
  addresses: ["a:1"],
  pins: [HASH],
  tokenId: "t1",
  secret: HASH,
});

/** [name, parser, a text that it takes]. */
const PARSERS: [string, (text: string) => unknown, string][] = [
  ["fromHex", fromHex, "00ff"],
  ["parseOperatorName", parseOperatorName, "ana@example.org"],
  [
    "parseOperatorToken",
    parseOperatorToken,
    formatOperatorToken({ id: "00".repeat(8), secret: HASH }),
  ],
  ["fromBase64Url", fromBase64Url, "AAA"],
  ["parseAgentId", parseAgentId, AGENT],
  ["parseNamespace", parseNamespace, "default"],
  ["parseTrustDomain", parseTrustDomain, "fleet.org"],
  ["parseAgentName", parseAgentName, "Büro 1"],
  ["parseSpiffeId", parseSpiffeId, `spiffe://default.fleet.org/agent/${AGENT}`],
  ["parseDuration", parseDuration, "15m"],
  ["parseJson", (text) => parseJson(text, JSON_LIMITS), '{"a":[1,"\\u0061"]}'],
  ["parseAgentSettings", parseAgentSettings, '{"heartbeatSeconds":5,"labels":{"a":"b"}}'],
  ["parseAgentSetting labels", (text) => parseAgentSetting("labels", text), '{"a":"b"}'],
  [
    "parseAgentSetting heartbeatSeconds",
    (text) => parseAgentSetting("heartbeatSeconds", text),
    "5",
  ],
  ["parseAgentSetting of any key", (key) => parseAgentSetting(key, "5"), "heartbeatSeconds"],
  ["decodeJoinToken", decodeJoinToken, JOIN_TOKEN],
  ["parseTokenCredential", parseTokenCredential, `t1.${"A".repeat(43)}`],
  ["isHostPort", isHostPort, "[2001:db8::1]:9150"],
  ["fromWireText", fromWireText, "value.hex: A sentence."],
];

/** Runs it; throws only what is not a refusal of ours. */
function attempt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
  }
}

/** Places and what to put there: bytes or code units are inserted, replaced or taken away. */
const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.nat({ max: 255 })), {
  minLength: 1,
  maxLength: 4,
});

function changed<Item>(
  items: readonly Item[],
  edits: [number, number, number][],
  make: (n: number) => Item,
): Item[] {
  const result = [...items];
  for (const [place, removed, value] of edits) {
    const inserted = removed === 2 ? [] : [make(value)];
    result.splice(place % (result.length + 1), Math.min(removed, 1), ...inserted);
  }
  return result;
}

for (const [name, decode, valid] of DECODERS) {
  test(`${name}: any bytes give a value or an error of ours`, () => {
    decode(valid);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => attempt(() => decode(bytes))),
    );
    fc.assert(
      fc.property(changes, (edits) => {
        const bytes = Uint8Array.from(changed(Array.from(valid), edits, Number));
        attempt(() => decode(bytes));
      }),
      { numRuns: 500 },
    );
  });
}

for (const [name, parse, valid] of PARSERS) {
  test(`${name}: any text gives a value or an error of ours`, () => {
    parse(valid);
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "binary-ascii" }));
    fc.assert(fc.property(text, (any) => attempt(() => parse(any))));
    fc.assert(
      fc.property(changes, (edits) => {
        const units = changed(valid.split(""), edits, (unit) => String.fromCharCode(unit));
        attempt(() => parse(units.join("")));
      }),
      { numRuns: 500 },
    );
  });
}

test("fromProblem: any value of JSON gives a problem or nothing", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => attempt(() => fromProblem(value))));
});
