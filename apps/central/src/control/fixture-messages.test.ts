/* Equipment: what agents say, in bytes. No tests of its own. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createLog, type Logger } from "@tautline/daemon";
import { serialOf } from "@tautline/pki";
import {
  AgentCapabilities,
  agentIdToBytes,
  type AgentToServer,
  AgentToServerSchema,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  customMessage,
  encodeAgentToServer,
  encodeEnrolmentRequest,
  encodeInstructionReceipt,
  type LinkEvidence,
  recordToAttributes,
} from "@tautline/protocol";
import type { JoinRequest } from "../enrolment/enrol.ts";
import { type Core, joinNew, type Joiner, mutualEvidence } from "../fixture-core.test.ts";
import type { AgentCaller, TokenCaller } from "./caller.ts";

/** Fields of a message that is still to be made. */
export type MessageFields = Exclude<MessageInitShape<typeof AgentToServerSchema>, AgentToServer>;

/** One message of an agent. */
export function messageOf(agentId: string, seq: number, fields: MessageFields = {}): Uint8Array {
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: agentIdToBytes(agentId),
      sequenceNum: BigInt(seq),
      capabilities: BigInt(AgentCapabilities.REPORTS_STATUS),
      ...fields,
    }),
  );
}

/** What a first message should carry. */
export function described(attributes: Readonly<Record<string, string>> = {}): MessageFields {
  const all = { "service.name": "tautline-agent", "service.version": "1.2.3", ...attributes };
  return { agentDescription: { identifyingAttributes: recordToAttributes(all) } };
}

/** An agent's word on an instruction. */
export function receipt(seq: bigint, code = "", epoch = 1): MessageFields {
  const data = encodeInstructionReceipt({ signerEpoch: epoch, seq, code, text: "" });
  return { customMessage: customMessage(CAPABILITY_INSTRUCTION, "receipt", data) };
}

/** The message by which an agent asks to join. */
export function joinMessage(request: JoinRequest): Uint8Array {
  const { agentId, clientCsrPem, name, serverCsrPem, agentVersion } = request;
  const data = encodeEnrolmentRequest({ name, serverCsrPem, agentVersion });
  return messageOf(agentId, 0, {
    ...described(),
    connectionSettingsRequest: {
      opamp: { certificateRequest: { csr: new TextEncoder().encode(clientCsrPem) } },
    },
    customMessage: customMessage(CAPABILITY_ENROLMENT, "request", data),
  });
}

/** An agent that joined, as admission finds it. */
export async function joinedCaller(
  core: Core,
  options: { readonly namespace?: string; readonly name?: string } = {},
): Promise<AgentCaller & { readonly joiner: Joiner }> {
  const joined = await joinNew(core, options);
  const agent = await core.store.read((db) =>
    db.selectFrom("agents").selectAll().where("id", "=", joined.id).executeTakeFirstOrThrow(),
  );
  const leaf = joined.enrolled.clientCertificate;
  const peerId = (leaf.subjectAltName ?? "").replace(/^URI:/, "");
  const evidence = mutualEvidence(peerId, serialOf(leaf));
  const expiresAtMs = leaf.validToDate.getTime();
  const from = { evidence, remoteAddress: "192.0.2.1" };
  return { kind: "agent", agent, expiresAtMs, ...from, joiner: joined };
}

/** The holder of a new token, as admission finds him. */
export async function tokenCaller(
  core: Core,
  token: { readonly tokenId: string; readonly secret: Uint8Array },
): Promise<TokenCaller> {
  const row = await core.tokens.prove(token.tokenId, token.secret);
  const evidence: LinkEvidence = {
    ...mutualEvidence("", ""),
    level: "tls",
    clientProven: false,
    peerId: null,
    peerSerial: null,
  };
  return { kind: "token", token: row, evidence, remoteAddress: "192.0.2.1" };
}

/** A log for tests that read what was logged. */
export function recordingLog(lines: Record<string, unknown>[]): Logger {
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as Record<string, unknown>);
  return createLog("central", "debug", { write });
}
