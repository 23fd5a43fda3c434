import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { agentIdToBytes } from "./agent-id.ts";
import { attributesToRecord } from "./attributes.ts";
import { fromHex, toHex } from "./bytes.ts";
import { AgentCapability, ServerCapability } from "./capability.ts";
import {
  AgentToServerSchema,
  PackageStatusEnum,
  RemoteConfigStatuses,
  ServerToAgentFlags,
} from "./gen/opamp/v1/opamp_pb.ts";
import { LIMITS } from "./limits.ts";
import {
  decodeAgentToServer,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  encodeServerToAgent,
} from "./opamp.ts";

const MAX = LIMITS.opampMessageBytes.value;

const UID = agentIdToBytes("0190a000-0000-7000-8000-000000000001");

/** Bytes that the npm client @elastic/opamp-client-node 0.5.0 and a server of another make sent each other. */
const SAMPLES = {
  status:
    "0a100190a00000007000800000000000000110011a150a130a0c736572766963652e6e616d6512030a01782083603a00",
  reportFullState: "0a100190a00000007000800000000000000130013823",
  acknowledgement: "0a100190a0000000700080000000000000013823",
};

test("an agent's status of another implementation is read", () => {
  const message = decodeAgentToServer(fromHex(SAMPLES.status), MAX);
  assert.deepEqual(message.instanceUid, UID);
  assert.equal(message.sequenceNum, 1n);
  assert.deepEqual(attributesToRecord(message.agentDescription?.identifyingAttributes ?? []), {
    "service.name": "x",
  });
  const { ReportsStatus, AcceptsRemoteConfig, ReportsRemoteConfig, ReportsHeartbeat } =
    AgentCapability;
  const expected = ReportsStatus | AcceptsRemoteConfig | ReportsRemoteConfig | ReportsHeartbeat;
  assert.equal(message.capabilities, expected);
  assert.equal(message.remoteConfigStatus?.status, RemoteConfigStatuses.UNSET);
});

test("the same status is written to the same bytes", () => {
  const attribute = {
    key: "service.name",
    value: { value: { case: "stringValue", value: "x" } },
  } as const;
  const bytes = encodeAgentToServer({
    instanceUid: UID,
    sequenceNum: 1n,
    agentDescription: { identifyingAttributes: [attribute] },
    capabilities: 0x3003n,
    remoteConfigStatus: {},
  });
  assert.equal(toHex(bytes), SAMPLES.status);
});

test("a server's answers of another implementation are read and written to the same bytes", () => {
  const { AcceptsStatus, OffersRemoteConfig, OffersConnectionSettings } = ServerCapability;
  const capabilities = AcceptsStatus | OffersRemoteConfig | OffersConnectionSettings;
  const acknowledgement = { instanceUid: UID, capabilities };
  const flags = BigInt(ServerToAgentFlags.REPORT_FULL_STATE);
  assert.equal(toHex(encodeServerToAgent(acknowledgement)), SAMPLES.acknowledgement);
  assert.equal(toHex(encodeServerToAgent({ ...acknowledgement, flags })), SAMPLES.reportFullState);

  const message = decodeServerToAgent(fromHex(SAMPLES.reportFullState), MAX);
  assert.deepEqual(message.instanceUid, UID);
  assert.equal(message.capabilities, capabilities);
  assert.equal(message.flags, flags);
});

/** [what, hexadecimal, message]: one row for each field number that the samples above leave out. */
const FIELD_NUMBERS: [string, string, Parameters<typeof encodeAgentToServer>[0]][] = [
  ["health", "2a020801", { health: { healthy: true } }],
  ["effective_config", "32020a00", { effectiveConfig: { configMap: {} } }],
  ["package_statuses", "42070a050a01611200", { packageStatuses: { packages: { a: {} } } }],
  ["agent_disconnect", "4a00", { agentDisconnect: {} }],
  ["flags", "5001", { flags: 1n }],
  [
    "connection_settings_request",
    "5a070a050a030a0161",
    { connectionSettingsRequest: { opamp: { certificateRequest: { csr: Uint8Array.of(0x61) } } } },
  ],
  ["custom_capabilities", "62030a0161", { customCapabilities: { capabilities: ["a"] } }],
  [
    "custom_message",
    "6a090a01611201621a0163",
    { customMessage: { capability: "a", type: "b", data: Uint8Array.of(0x63) } },
  ],
  ["available_components", "7203120161", { availableComponents: { hash: Uint8Array.of(0x61) } }],
  ["connection_settings_status", "7a021001", { connectionSettingsStatus: { status: 1 } }],
];

for (const [name, hex, message] of FIELD_NUMBERS) {
  test(`AgentToServer.${name} has its public number`, () => {
    assert.equal(toHex(encodeAgentToServer(message)), hex);
    assert.deepEqual(decodeAgentToServer(fromHex(hex), MAX), create(AgentToServerSchema, message));
  });
}

const SERVER_FIELD_NUMBERS: [string, string, Parameters<typeof encodeServerToAgent>[0]][] = [
  [
    "error_response",
    "120708021201611a00",
    { errorResponse: { type: 2, errorMessage: "a", details: { case: "retryInfo", value: {} } } },
  ],
  ["remote_config", "1a03120161", { remoteConfig: { configHash: Uint8Array.of(0x61) } }],
  [
    "connection_settings",
    "220512030a0161",
    { connectionSettings: { opamp: { destinationEndpoint: "a" } } },
  ],
  [
    "packages_available",
    "2a03120161",
    { packagesAvailable: { allPackagesHash: Uint8Array.of(0x61) } },
  ],
  [
    "agent_identification",
    "42030a0161",
    { agentIdentification: { newInstanceUid: Uint8Array.of(0x61) } },
  ],
  ["command", "4a00", { command: {} }],
  ["custom_capabilities", "52030a0161", { customCapabilities: { capabilities: ["a"] } }],
  ["custom_message", "5a03120162", { customMessage: { type: "b" } }],
];

for (const [name, hex, message] of SERVER_FIELD_NUMBERS) {
  test(`ServerToAgent.${name} has its public number`, () => {
    assert.equal(toHex(encodeServerToAgent(message)), hex);
    assert.equal(toHex(encodeServerToAgent(decodeServerToAgent(fromHex(hex), MAX))), hex);
  });
}

test("an enum value of a newer version is kept as its number", () => {
  const { packageStatuses } = decodeAgentToServer(fromHex("42090a070a016112023063"), MAX);
  assert.equal(packageStatuses?.packages["a"]?.status, 0x63);
  assert.equal(PackageStatusEnum.DOWNLOADING, 4);
});

test("a frame is one zero byte and the message, perhaps empty", () => {
  const message = fromHex(SAMPLES.acknowledgement);
  assert.equal(toHex(encodeFrame(message)), `00${SAMPLES.acknowledgement}`);
  assert.deepEqual(decodeFrame(encodeFrame(message), MAX), message);
  assert.deepEqual(decodeFrame(Uint8Array.of(0), MAX), new Uint8Array());
});

for (const [name, hex] of [
  ["nothing at all", ""],
  ["a message without a header", SAMPLES.acknowledgement],
  ["another header", `01${SAMPLES.acknowledgement}`],
  ["a header of two bytes", `8000${SAMPLES.acknowledgement}`],
] as const) {
  test(`a frame of ${name} is refused`, () => {
    assert.throws(() => decodeFrame(fromHex(hex), MAX), { code: "opamp.malformed" });
  });
}

const SIZED = [
  ["AgentToServer", encodeAgentToServer, decodeAgentToServer],
  ["ServerToAgent", encodeServerToAgent, decodeServerToAgent],
] as const;

for (const [name, encode, decode] of SIZED) {
  test(`${name} at the limit is read, one byte more is refused, with both sizes`, () => {
    const bytes = encode({ customMessage: { data: new Uint8Array(100) } });
    assert.doesNotThrow(() => decode(bytes, bytes.length));
    assert.throws(() => decode(bytes, bytes.length - 1), {
      code: "opamp.too_large",
      message: `The message has ${bytes.length} bytes; the limit is ${bytes.length - 1}.`,
    });
  });

  test(`${name} over a mebibyte is refused before it is sent`, () => {
    const overhead =
      encode({ customMessage: { data: new Uint8Array(MAX - 100) } }).length - (MAX - 100);
    const fits = new Uint8Array(MAX - overhead);
    assert.equal(encode({ customMessage: { data: fits } }).length, MAX);
    const over = { customMessage: { data: new Uint8Array(fits.length + 1) } };
    assert.throws(() => encode(over), { code: "opamp.too_large" });
  });

  test(`${name} that is cut off is refused`, () => {
    const bytes = encode({ customMessage: { data: new Uint8Array(100) } });
    assert.throws(() => decode(bytes.subarray(0, -1), MAX), { code: "opamp.malformed" });
  });
}

test("a frame at the limit is read, one byte more is refused, the header not counted", () => {
  assert.equal(decodeFrame(new Uint8Array(11), 10).length, 10);
  assert.throws(() => decodeFrame(new Uint8Array(12), 10), { code: "opamp.too_large" });
});
