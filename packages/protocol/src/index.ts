export * from "./agent-attributes.ts";
export * from "./agent-id.ts";
export * from "./agent-settings.ts";
export {
  AGENT_SETTINGS_KEYS,
  type AgentSettingKey,
  type AgentSettings,
  LOG_LEVELS,
  type LogLevel,
} from "./agent-settings-keys.ts";
export * from "./attributes.ts";
export * from "./audit-checkpoint.ts";
export * from "./audit-messages.ts";
export * from "./audit-trail-line.ts";
export * from "./bytes.ts";
export * from "./capability.ts";
export * from "./carry-limits.ts";
export * from "./central-addresses.ts";
export * from "./client-token.ts";
export * from "./certified-name.ts";
export * from "./compatibility.ts";
export * from "./config-map.ts";
export * from "./custom-message.ts";
export * from "./duration.ts";
export * from "./enrolment-messages.ts";
export * from "./error.ts";
export * from "./error-catalogue.ts";
export * from "./evidence.ts";
export * from "./file-certificate-messages.ts";
export * from "./forward-name.ts";
export { readLoopbackPort } from "./forward-places.ts";
export * from "./forward-frame.ts";
export * from "./forward-payload.ts";
export * from "./forward-rule.ts";
export * from "./gen/opamp/v1/anyvalue_pb.ts";
export * from "./gen/opamp/v1/opamp_pb.ts";
export * from "./host-port.ts";
export * from "./instruction.ts";
export * from "./instruction-judgement.ts";
export * from "./instruction-receipt.ts";
export * from "./join-token.ts";
export * from "./json.ts";
export * from "./key-identity.ts";
export * from "./key-text.ts";
export * from "./level.ts";
export * from "./level-climb.ts";
export * from "./level-order.ts";
export * from "./level-rescue.ts";
export * from "./link-policy.ts";
export type { Limit } from "./limit.ts";
export * from "./limits.ts";
export * from "./mismatch.ts";
export * from "./names.ts";
export * from "./offer.ts";
export * from "./opamp.ts";
export * from "./operator.ts";
export * from "./operator-token.ts";
export * from "./peer-time.ts";
export * from "./printable-text.ts";
export * from "./promotion.ts";
export * from "./renewal-judgement.ts";
export * from "./renewal-time.ts";
export * from "./sequence.ts";
export * from "./spiffe-id.ts";
export * from "./status-text.ts";
export * from "./timestamp.ts";
export * from "./utf8.ts";
export * from "./version-levels.ts";
export * from "./wire-error.ts";
