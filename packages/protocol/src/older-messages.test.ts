import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { create, type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { parseAgentSettings } from "./agent-settings.ts";
import { parseAuditCheckpoint, parseAuditKey } from "./audit-checkpoint.ts";
import { decodeAuditHead, decodeCheckpointNews, decodeForkReport } from "./audit-messages.ts";
import { parseTrailLine } from "./audit-trail-line.ts";
import { concatBytes, fromHex, toHex } from "./bytes.ts";
import { AgentCapability, hasCapability } from "./capability.ts";
import { decodeCentralAddresses } from "./central-addresses.ts";
import {
  decodeEnrolmentGrant,
  decodeEnrolmentRequest,
  decodeRenewalRequest,
} from "./enrolment-messages.ts";
import {
  AgentToServerSchema,
  CustomCapabilitiesSchema,
  ServerToAgentSchema,
} from "./gen/opamp/v1/opamp_pb.ts";
import { decodeInstructionReceipt } from "./instruction-receipt.ts";
import { decodeInstruction, decodeSignedInstruction } from "./instruction.ts";
import { decodeJoinToken, parseTokenCredential } from "./join-token.ts";
import { parseKeyIdentity } from "./key-identity.ts";
import { LIMITS } from "./limits.ts";
import { readOffer } from "./offer.ts";
import {
  decodeAgentToServer,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeServerToAgent,
} from "./opamp.ts";
import { readPeerTime } from "./peer-time.ts";
import { decodeUtf8 } from "./utf8.ts";
import { fromWireText } from "./wire-error.ts";

const FIXTURES = join(import.meta.dirname, "../test/fixtures");
const MAX = LIMITS.opampMessageBytes.value;

/** Reads bytes into what they mean, as JSON can hold it. */
type Reader = (bytes: Uint8Array) => unknown;

/**
 * Whether a newer peer may add fields. Where there is one encoding only, it may not: a part that is passed over could be the part
 * that forbids something.
 */
type Growth = "may grow" | "one encoding" | "text";

const agentToServer = proto(AgentToServerSchema, (bytes) => decodeAgentToServer(bytes, MAX));
const serverToAgent = proto(ServerToAgentSchema, (bytes) => decodeServerToAgent(bytes, MAX));

/** What every release must go on reading, whichever release of this major wrote it. */
const READERS: Readonly<Record<string, readonly [Growth, Reader]>> = {
  "agent-status": ["may grow", agentToServer],
  "agent-heartbeat": ["may grow", agentToServer],
  "agent-goodbye": ["may grow", agentToServer],
  "agent-join": ["may grow", agentToServer],
  "central-answer": ["may grow", serverToAgent],
  "central-settings": ["may grow", serverToAgent],
  "central-refusal": ["may grow", serverToAgent],
  "central-frame": ["may grow", (bytes) => serverToAgent(decodeFrame(bytes, MAX))],
  "join-request": ["may grow", decodeEnrolmentRequest],
  "join-grant": ["may grow", decodeEnrolmentGrant],
  "renewal-request": ["may grow", decodeRenewalRequest],
  instruction: ["one encoding", decodeInstruction],
  "instruction-signed": ["may grow", decodeSignedInstruction],
  "instruction-receipt": ["may grow", decodeInstructionReceipt],
  "central-addresses": ["one encoding", decodeCentralAddresses],
  "audit-checkpoints": ["may grow", decodeCheckpointNews],
  "audit-head": ["may grow", decodeAuditHead],
  "audit-fork": ["may grow", decodeForkReport],
  "audit-checkpoint-text": ["text", text(parseAuditCheckpoint)],
  "audit-key-text": ["text", text(parseAuditKey)],
  "audit-trail-line": ["text", text(parseTrailLine)],
  "settings-document": ["text", text(parseAgentSettings)],
  "join-token": ["text", text(decodeJoinToken)],
  "join-credential": ["text", text(parseTokenCredential)],
  "key-identity": ["text", text(parseKeyIdentity)],
  "header-time": ["text", text(readPeerTime)],
  "header-offer": ["text", text(readOffer)],
  "error-text": ["text", text(fromWireText)],
};

function proto<Schema extends DescMessage>(
  schema: Schema,
  decode: (bytes: Uint8Array) => MessageShape<Schema>,
): Reader {
  return (bytes) => toJson(schema, decode(bytes));
}

function text(parse: (value: string) => unknown): Reader {
  return (bytes) => parse(decodeUtf8(bytes));
}

function plain(_key: string, part: unknown): unknown {
  if (part instanceof Uint8Array) return { hex: toHex(part) };
  return typeof part === "bigint" ? part.toString() : part;
}

/** Bytes as hex and large numbers as text, so that a file can hold what was meant. */
function meaningOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, plain));
}

function bytesOf(release: string, name: string): Uint8Array {
  const file = join(FIXTURES, release, `${name}.hex`);
  return fromHex(readFileSync(file, "ascii").replaceAll(/\s/g, ""));
}

/** Field 2000, a varint: what no schema of ours has. */
const ADDED_FIELD = Uint8Array.of(0x80, 0x7d, 0x01);

for (const release of readdirSync(FIXTURES)) {
  const names = readdirSync(join(FIXTURES, release))
    .filter((file) => file.endsWith(".hex"))
    .map((file) => file.slice(0, -".hex".length));

  test(`release ${release} has a fixture of every message there is a reader for, and no other`, () => {
    assert.deepEqual(names.toSorted(), Object.keys(READERS).toSorted());
  });

  for (const name of names) {
    const [growth, read] = READERS[name] ?? ["text", () => undefined];
    const bytes = bytesOf(release, name);

    test(`'${name}' of release ${release} is still read to what was meant`, () => {
      const meant: unknown = JSON.parse(
        readFileSync(join(FIXTURES, release, `${name}.json`), "utf8"),
      );
      assert.deepEqual(meaningOf(read(bytes)), meant);
    });

    if (growth === "text") continue;
    test(`'${name}' with a field that a newer peer added: ${growth}`, () => {
      const grown = concatBytes(bytes, ADDED_FIELD);
      if (growth === "one encoding") {
        assert.throws(() => read(grown), { code: "instruction.malformed" });
      } else {
        assert.deepEqual(meaningOf(read(grown)), meaningOf(read(bytes)));
      }
    });
  }
}

test("capabilities and custom messages that only a newer peer knows are passed over", () => {
  const data = { capability: "io.tautline.later", type: "news", data: Uint8Array.of(1) };
  const status = decodeAgentToServer(bytesOf("0.1", "agent-status"), MAX);
  const capabilities = ["io.tautline.later", ...(status.customCapabilities?.capabilities ?? [])];
  const newer = decodeAgentToServer(
    encodeAgentToServer({
      capabilities: status.capabilities | (1n << 60n),
      customCapabilities: create(CustomCapabilitiesSchema, { capabilities }),
      customMessage: data,
    }),
    MAX,
  );
  assert.equal(hasCapability(newer.capabilities, AgentCapability.ReportsStatus), true);
  assert.deepEqual(newer.customCapabilities?.capabilities, capabilities);
  const told = decodeServerToAgent(encodeServerToAgent({ customMessage: data }), MAX);
  assert.equal(told.customMessage?.capability, "io.tautline.later");
});
