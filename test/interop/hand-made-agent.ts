import { randomBytes, type KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { dialPinned, parseHostPort, postMessage } from "@tautline/link";
import { createCsr, createKeyPair, exportPrivateKey } from "@tautline/pki";
import {
  agentIdToBytes,
  AgentToServerSchema,
  CAPABILITY_ENROLMENT,
  customMessage,
  decodeEnrolmentGrant,
  decodeJoinToken,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeEnrolmentRequest,
  formatTokenCredential,
  makeAgentId,
} from "@tautline/protocol";

/** An agent that joined by hand, with its keys and certificates as PEM files for software that is not ours. */
export interface HandMadeAgent {
  readonly id: string;
  readonly clientKeyFile: string;
  /** Leaf and intermediate. */
  readonly clientChainFile: string;
  readonly serverKeyFile: string;
  readonly serverChainFile: string;
  readonly rootsFile: string;
}

const ANSWER_BYTES = 1024 * 1024;

/**
 * Joins a central with a token over one pinned connection, as docs/the-way.md draws it, and writes what it was given to files.
 *
 * @param tokenText the join token
 * @param folder where the files go
 */
export async function joinByHand(tokenText: string, folder: string): Promise<HandMadeAgent> {
  const token = decodeJoinToken(tokenText);
  const at = parseHostPort(token.addresses.find((each) => each.startsWith("127.0.0.1")) ?? "", 0);
  const id = makeAgentId(Date.now(), randomBytes(10));
  const keys = { client: createKeyPair("p256"), server: createKeyPair("p256") };
  const dialled = await dialPinned({
    ...at,
    pins: token.pins,
    trustDomain: token.trustDomain,
    timeoutMs: 10_000,
    now: Date.now,
  });
  const answer = await postMessage({
    socket: dialled.socket,
    path: "/v1/opamp",
    host: `${at.host}:${at.port}`,
    headers: {
      authorization: `Bearer ${formatTokenCredential(token.tokenId, token.secret)}`,
      "content-type": "application/x-protobuf",
    },
    body: encodeAgentToServer(joinMessage(id, keys.client.privateKey, keys.server.privateKey)),
    maxBytes: ANSWER_BYTES,
  });
  dialled.socket.destroy();
  const message = decodeServerToAgent(answer.body, ANSWER_BYTES);
  if (message.errorResponse !== undefined) throw new Error(message.errorResponse.errorMessage);
  const grant = decodeEnrolmentGrant(message.customMessage?.data ?? new Uint8Array());
  const clientChain = message.connectionSettings?.opamp?.certificate?.cert ?? new Uint8Array();
  const write = (name: string, data: string | Uint8Array): string => {
    const file = join(folder, name);
    writeFileSync(file, data, { mode: 0o600 });
    return file;
  };
  return {
    id,
    clientKeyFile: write(`${id}.client.key`, exportPrivateKey(keys.client.privateKey)),
    clientChainFile: write(`${id}.client.crt`, clientChain),
    serverKeyFile: write(`${id}.server.key`, exportPrivateKey(keys.server.privateKey)),
    serverChainFile: write(`${id}.server.crt`, grant.serverChainPem),
    rootsFile: write(`${id}.ca.crt`, grant.rootsPem),
  };
}

function joinMessage(id: string, clientKey: KeyObject, serverKey: KeyObject) {
  const request = encodeEnrolmentRequest({
    name: "made by hand",
    serverCsrPem: createCsr(serverKey),
    agentVersion: "0.0.1",
  });
  return create(AgentToServerSchema, {
    instanceUid: agentIdToBytes(id),
    connectionSettingsRequest: {
      opamp: { certificateRequest: { csr: new TextEncoder().encode(createCsr(clientKey)) } },
    },
    customCapabilities: { capabilities: [CAPABILITY_ENROLMENT] },
    customMessage: customMessage(CAPABILITY_ENROLMENT, "request", request),
  });
}
