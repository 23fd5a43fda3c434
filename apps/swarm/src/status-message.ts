import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AgentCapability,
  AGENT_ATTRIBUTES,
  agentIdToBytes,
  AgentToServerSchema,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  ConnectionSettingsStatuses,
  customMessage,
  encodeAgentToServer,
  encodeEnrolmentRequest,
  encodeInstructionReceipt,
  encodeRenewalRequest,
  formatInstructionKinds,
  recordToAttributes,
  RemoteConfigStatuses,
  type InstructionReceipt,
} from "@tautline/protocol";
import { createCsr } from "@tautline/pki";
import { OBEYED_KINDS } from "./level-keeper.ts";
import type { SimulatedIdentity, SimulatedSelf } from "./simulated-identity.ts";

const VERSION = "0.1.0";
/** It reports and follows nothing: no settings, no commands, no packages. */
const CAPABILITIES =
  AgentCapability.ReportsStatus | AgentCapability.ReportsHealth | AgentCapability.ReportsHeartbeat;
const JOINING_CAPABILITIES =
  AgentCapability.ReportsStatus | AgentCapability.AcceptsOpAMPConnectionSettings;

/** What a message of a joined agent tells: the full state, a status that differs from the last, or that it is there; that it asks for its next identity, or what became of an instruction. */
export type MessageKind = "full" | "status" | "heartbeat" | "goodbye" | "renewal" | "receipt";

/**
 * The value of `swarm.hash` in a status message: wrong if a store mixed two messages or two agents.
 *
 * @param agentId UUIDv7
 * @param sequence the message's sequence number
 * @returns SHA-256 in lower-case hex
 */
export function statusHash(agentId: string, sequence: number): string {
  return createHash("sha256").update(`${agentId} ${sequence}`).digest("hex");
}

/**
 * Makes one message of a joined agent.
 *
 * @param who the agent
 * @param sequence its next sequence number; a status tells it as attribute `swarm.sequence` too, with its hash
 * @param kind what it tells
 * @returns an encoded AgentToServer
 */
export function encodeStatus(
  who: Pick<SimulatedIdentity, "id" | "uid" | "name" | "offerHash">,
  sequence: number,
  kind: Exclude<MessageKind, "renewal" | "receipt">,
): Uint8Array {
  const message: MessageInitShape<typeof AgentToServerSchema> = {
    instanceUid: who.uid,
    sequenceNum: BigInt(sequence),
    capabilities: CAPABILITIES,
  };
  if (kind === "full" || kind === "status") {
    message.agentDescription = description(who, {
      "swarm.sequence": String(sequence),
      "swarm.hash": statusHash(who.id, sequence),
      [AGENT_ATTRIBUTES.instructions]: formatInstructionKinds(OBEYED_KINDS),
    });
  }
  if (kind === "full") {
    message.health = { healthy: true };
    message.customCapabilities = {
      capabilities: [CAPABILITY_INSTRUCTION, CAPABILITY_ENROLMENT],
    };
    message.remoteConfigStatus = { status: RemoteConfigStatuses.UNSET };
    message.connectionSettingsStatus = {
      lastConnectionSettingsHash: who.offerHash,
      status: ConnectionSettingsStatuses.APPLIED,
    };
  }
  if (kind === "goodbye") message.agentDisconnect = {};
  return encodeAgentToServer(create(AgentToServerSchema, message));
}

/**
 * Makes the message that tells central what became of an instruction.
 *
 * @param who the agent
 * @param sequence its next sequence number
 * @param receipt epoch, number and outcome
 * @returns an encoded AgentToServer
 */
export function encodeReceipt(
  { uid }: Pick<SimulatedIdentity, "uid">,
  sequence: number,
  receipt: InstructionReceipt,
): Uint8Array {
  const data = encodeInstructionReceipt(receipt);
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: uid,
      sequenceNum: BigInt(sequence),
      capabilities: CAPABILITIES,
      customMessage: customMessage(CAPABILITY_INSTRUCTION, "receipt", data),
    }),
  );
}

/**
 * Makes the one message of a join, with a request for both certificates.
 *
 * @param self the agent
 * @returns an encoded AgentToServer
 */
export function encodeJoin(self: SimulatedSelf): Uint8Array {
  const { id, name, client, server } = self;
  const request = {
    name,
    serverCsrPem: createCsr(server.privateKey, id),
    agentVersion: VERSION,
  };
  const csr = new TextEncoder().encode(createCsr(client.privateKey, id));
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: agentIdToBytes(id),
      sequenceNum: 1n,
      capabilities: JOINING_CAPABILITIES,
      agentDescription: description(self, {}),
      connectionSettingsRequest: { opamp: { certificateRequest: { csr } } },
      customCapabilities: { capabilities: [CAPABILITY_ENROLMENT] },
      customMessage: customMessage(
        CAPABILITY_ENROLMENT,
        "request",
        encodeEnrolmentRequest(request),
      ),
    }),
  );
}

/**
 * Makes the message that asks for the next identity, over the link that stands or as the one message of a link that can only renew.
 *
 * @param next whose number and keys are asked for
 * @param sequence the link's next number
 * @returns an encoded AgentToServer
 */
export function encodeRenewal(next: SimulatedSelf, sequence: number): Uint8Array {
  const { id, client, server, counter } = next;
  const serverCsrPem = createCsr(server.privateKey, id);
  const data = encodeRenewalRequest({ counter, serverCsrPem, agentVersion: VERSION });
  const csr = new TextEncoder().encode(createCsr(client.privateKey, id));
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: agentIdToBytes(id),
      sequenceNum: BigInt(sequence),
      capabilities: JOINING_CAPABILITIES,
      connectionSettingsRequest: { opamp: { certificateRequest: { csr } } },
      customMessage: customMessage(CAPABILITY_ENROLMENT, "renew", data),
    }),
  );
}

function description(
  { id, name }: Pick<SimulatedSelf, "id" | "name">,
  changing: Readonly<Record<string, string>>,
) {
  return {
    identifyingAttributes: recordToAttributes({
      "service.name": "tautline-swarm",
      "service.instance.id": id,
      "service.version": VERSION,
    }),
    nonIdentifyingAttributes: recordToAttributes({ "tautline.name": name, ...changing }),
  };
}
