import { create } from "@bufbuild/protobuf";
import { type CustomMessage, CustomMessageSchema } from "./gen/opamp/v1/opamp_pb.ts";

/** OpAMP custom capability of identities: "request" (join), "renew" and "leave" from the agent, "grant" and "left" from central. */
export const CAPABILITY_ENROLMENT = "io.tautline.enrolment";

/** OpAMP custom capability of signed instructions: "signed" from central, "receipt" from the agent. */
export const CAPABILITY_INSTRUCTION = "io.tautline.instruction";

/** OpAMP custom capability of the audit trail's witnesses: "checkpoints" from central, "head" and "fork" from the agent. */
export const CAPABILITY_AUDIT = "io.tautline.audit";
/** OpAMP custom capability of statuses: "unchanged" from the agent, with the SHA-256 of its `statusText`. */
export const CAPABILITY_STATUS = "io.tautline.status";
/** OpAMP custom capability of promotions: "offer" from central, to an agent that has no identity. */
export const CAPABILITY_PROMOTION = "io.tautline.promotion";
/** OpAMP custom capability of certificates as files: "request" from the agent, "answer" from central. */
export const CAPABILITY_CERTIFICATE = "io.tautline.certificate";
/** OpAMP custom capability of the edge, telemetry of a host's programs on its way out: "report" from the agent. */
export const CAPABILITY_EDGE = "io.tautline.edge";

/** The types of message of each capability. */
export interface CustomMessageTypes {
  readonly [CAPABILITY_ENROLMENT]: "request" | "renew" | "leave" | "grant" | "left";
  readonly [CAPABILITY_INSTRUCTION]: "signed" | "receipt";
  readonly [CAPABILITY_AUDIT]: "checkpoints" | "head" | "fork";
  readonly [CAPABILITY_STATUS]: "unchanged";
  readonly [CAPABILITY_PROMOTION]: "offer";
  readonly [CAPABILITY_CERTIFICATE]: "request" | "answer";
  readonly [CAPABILITY_EDGE]: "report";
}

/**
 * Wraps encoded bytes as an OpAMP custom message.
 *
 * @param capability one of ours
 * @param type a type of that capability
 * @param data what the encoder of that type gave
 */
export function customMessage<Capability extends keyof CustomMessageTypes>(
  capability: Capability,
  type: CustomMessageTypes[Capability],
  data: Uint8Array,
): CustomMessage {
  return create(CustomMessageSchema, { capability, type, data });
}
