import type { TautlineError } from "./error.ts";

/** Where nobody refuses and nobody answers, so many rounds through all addresses come first: a central that restarts is back by then. */
export const ROUNDS_BEFORE_RESCUE = 8;

/** Of a caller at `tls` central cannot know that it has a certificate to show. */
const OF_LEVEL = new Set(["admission.level_not_accepted", "admission.certificate_needed"]);

/**
 * Tells whether central refused the level and not the agent. Nothing proves who says so, and nothing has to: all it leads to is a climb.
 *
 * @param error how a link failed
 */
export function isLevelRefusal({ code, detail }: TautlineError): boolean {
  if (code === "link.level_refused" || code === "agent.level_refused") return true;
  const said = String(detail["code"]);
  return said.startsWith("policy.") || OF_LEVEL.has(said);
}
