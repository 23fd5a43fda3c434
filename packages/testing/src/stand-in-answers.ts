import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { readCsr } from "@tautline/pki";
import {
  AGENT_SETTINGS_FILE,
  AgentConfigMapSchema,
  agentIdFromBytes,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  canonicalConfigMap,
  customMessage,
  decodeEnrolmentRequest,
  decodeRenewalRequest,
  decodeSignedInstruction,
  encodeCentralAddresses,
  encodeEnrolmentGrant,
  encodeLevelOrder,
  encodeSignedInstruction,
  ServerCapability,
  type AgentToServer,
  type EnrolmentGrant,
  type Instruction,
  type LevelOrder,
  type ServerToAgentSchema,
} from "@tautline/protocol";
import type { TestAuthority } from "./test-authority.ts";

/** A ServerToAgent as a test writes it. */
export type StandInAnswer = MessageInitShape<typeof ServerToAgentSchema>;

const CAPABILITIES =
  ServerCapability.AcceptsStatus |
  ServerCapability.OffersRemoteConfig |
  ServerCapability.AcceptsEffectiveConfig |
  ServerCapability.AcceptsConnectionSettingsRequest;

/** What a central at peace says to any message. */
export function acknowledge(
  message: AgentToServer,
): Required<Pick<StandInAnswer, "instanceUid" | "capabilities">> {
  return { instanceUid: message.instanceUid, capabilities: CAPABILITIES };
}

/** Where a grant sends the agent, and what a test wants different in it. */
export interface GrantOptions {
  readonly authority: TestAuthority;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly lifetimeMs?: number;
  readonly change?: Partial<EnrolmentGrant>;
}

/**
 * Grants what a join request asks for, as central does.
 *
 * @param message an AgentToServer with both certificate requests
 * @param options authority, namespace and addresses
 */
export function grantJoin(message: AgentToServer, options: GrantOptions): StandInAnswer {
  const request = decodeEnrolmentRequest(message.customMessage?.data ?? new Uint8Array());
  return grant(message, { ...request, counter: 0n }, options);
}

/**
 * Grants what a renewal asks for, as central does; whoever asks is believed.
 *
 * @param message an AgentToServer with both certificate requests
 * @param options authority, namespace and addresses
 */
export function grantRenewal(message: AgentToServer, options: GrantOptions): StandInAnswer {
  const request = decodeRenewalRequest(message.customMessage?.data ?? new Uint8Array());
  return grant(message, { ...request, name: "renewed" }, options);
}

function grant(
  message: AgentToServer,
  request: { readonly name: string; readonly serverCsrPem: string; readonly counter: bigint },
  options: GrantOptions,
): StandInAnswer {
  const { authority, namespace, addresses, lifetimeMs, change = {} } = options;
  const agentId = agentIdFromBytes(message.instanceUid);
  const csr = message.connectionSettingsRequest?.opamp?.certificateRequest?.csr ?? new Uint8Array();
  const leaf = (pem: string, purpose: "client" | "server"): string => {
    const { publicKey } = readCsr(pem, { agentId });
    const life = lifetimeMs === undefined ? {} : { lifetimeMs };
    return authority.issueAgentLeaf({ namespace, agentId, publicKey, purpose, ...life });
  };
  const parts: EnrolmentGrant = {
    namespace,
    trustDomain: authority.trustDomain,
    serverChainPem: leaf(request.serverCsrPem, "server"),
    rootsPem: authority.rootPem,
    instructorKeyPem: authority.instructorKeyPem,
    signerEpoch: 1,
    addresses: [...addresses],
    name: request.name,
    renewalCounter: request.counter,
    ...change,
  };
  const certificate = {
    cert: encode(leaf(new TextDecoder().decode(csr), "client")),
    caCert: encode(authority.rootPem),
  };
  return {
    ...acknowledge(message),
    connectionSettings: {
      hash: createHash("sha256").update(certificate.cert).digest(),
      opamp: { destinationEndpoint: `wss://${addresses[0] ?? ""}/v1/opamp`, certificate },
    },
    customMessage: customMessage(CAPABILITY_ENROLMENT, "grant", encodeEnrolmentGrant(parts)),
  };
}

/** What is to be signed, and what a hostile test wants different. */
export interface SettingsOfferOptions {
  readonly authority: Pick<TestAuthority, "signInstruction">;
  /** Text of tautline.json. */
  readonly settings: string;
  readonly instruction: Pick<Instruction, "agentId" | "namespace" | "seq"> & Partial<Instruction>;
}

/**
 * Offers settings with a signed instruction, as central does.
 *
 * @param options settings, and at least for whom and which number; created now, for 15 minutes
 */
export function offerSettings(
  options: SettingsOfferOptions,
): Pick<StandInAnswer, "remoteConfig" | "customMessage"> {
  const { authority, settings, instruction } = options;
  const body = new TextEncoder().encode(settings);
  const config = create(AgentConfigMapSchema, {
    configMap: { [AGENT_SETTINGS_FILE]: { body, contentType: "application/json" } },
  });
  const digest = createHash("sha256").update(canonicalConfigMap(config)).digest();
  const createdMs = Date.now();
  const signed = authority.signInstruction({
    kind: "settings",
    signerEpoch: 1,
    createdMs,
    expiresMs: createdMs + 15 * 60_000,
    digest,
    ...instruction,
  });
  return {
    remoteConfig: { config, configHash: digest },
    customMessage: customMessage(CAPABILITY_INSTRUCTION, "signed", signed),
  };
}

/**
 * Offers addresses of central in a signed instruction, as central does.
 *
 * @param options `addresses`, and at least for whom and which number; created now, for 15 minutes
 */
export function offerAddresses({
  authority,
  addresses,
  instruction,
}: Pick<SettingsOfferOptions, "authority" | "instruction"> & {
  readonly addresses: readonly string[];
}): Pick<StandInAnswer, "customMessage"> {
  const subject = encodeCentralAddresses(addresses);
  return offerSubject("addresses", { authority, instruction, subject });
}

/**
 * Orders an agent to climb to a level in a signed instruction, as central does.
 *
 * @param options `level` and `addresses`, and at least for whom and which number; created now, for 15 minutes
 */
export function offerLevel({
  authority,
  level,
  addresses,
  instruction,
}: Pick<SettingsOfferOptions, "authority" | "instruction"> & LevelOrder): Pick<
  StandInAnswer,
  "customMessage"
> {
  const subject = encodeLevelOrder({ level, addresses });
  return offerSubject("level", { authority, instruction, subject });
}

function offerSubject(
  kind: string,
  {
    authority,
    instruction,
    subject,
  }: Pick<SettingsOfferOptions, "authority" | "instruction"> & { readonly subject: Uint8Array },
): Pick<StandInAnswer, "customMessage"> {
  const createdMs = Date.now();
  const envelope = authority.signInstruction({
    kind,
    signerEpoch: 1,
    createdMs,
    expiresMs: createdMs + 15 * 60_000,
    digest: createHash("sha256").update(subject).digest(),
    ...instruction,
  });
  const signed = encodeSignedInstruction({ ...decodeSignedInstruction(envelope), subject });
  return { customMessage: customMessage(CAPABILITY_INSTRUCTION, "signed", signed) };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
