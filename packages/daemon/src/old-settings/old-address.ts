import { isHostPort } from "@tautline/protocol";
import { oldSettingError, type OldFinding } from "./old-finding.ts";

/** Central's port for agents without encryption (QM-7). */
export const PLAINTEXT_PORT = 8787;

/** Central's port for every other level (QM-4, QM-7). */
export const SECURE_PORT = 9150;

/**
 * Reads the name or address of central; an IPv6 address comes out in brackets.
 *
 * @param file the old file
 * @param text as it was written
 * @param place where, for messages
 * @throws config.old_setting
 */
export function readHost(file: string, text: string, place: string): string {
  const host = text.includes(":") && !text.startsWith("[") ? `[${text}]` : text;
  if (isHostPort(`${host}:1`)) return host;
  throw oldSettingError(file, place, "it is no host's name or address");
}

/**
 * Says that a file names no central.
 *
 * @param file the old file
 */
export function noHost(file: string): OldFinding {
  return {
    severity: "warning",
    file,
    line: null,
    what: "The file does not say where central is",
    why: "Without an address the agent can dial nobody.",
    remedy:
      "Write host:port into central.addresses of agent.yaml, or start it with 'tautline agent run --central HOST'.",
  };
}
