import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";

/** What an operator may do, in rising order: look; run the fleet; decide who else may. */
export const OPERATOR_ROLES = ["viewer", "operator", "admin"] as const;

/** One of `OPERATOR_ROLES`; each may also do what those before it may. */
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/**
 * Tells whether text names a role.
 *
 * @param text any text
 */
export function isOperatorRole(text: string): text is OperatorRole {
  return OPERATOR_ROLES.some((role) => role === text);
}

/**
 * Tells whether a role may do what another one may.
 *
 * @param held the role that somebody has
 * @param needed the role that is asked for
 */
export function roleIncludes(held: OperatorRole, needed: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(held) >= OPERATOR_ROLES.indexOf(needed);
}

/** Who calls over the admin socket of central's own host; stands in the audit trail, so nobody else may have the name. */
export const LOCAL_OPERATOR_NAME = "local";

const NAME = /^[a-z0-9](?:[a-z0-9._@-]*[a-z0-9])?$/;

/**
 * Tells whether text can be an operator's name: a login name or mail address in lower case, which reads the same in every
 * trail, table and terminal. `local` is taken by the admin socket.
 *
 * @param text any text
 */
export function isOperatorName(text: string): boolean {
  return (
    text.length <= LIMITS.operatorNameCharacters.value &&
    NAME.test(text) &&
    text !== LOCAL_OPERATOR_NAME
  );
}

/**
 * Reads an operator's name; refuses and never normalises.
 *
 * @param text as `isOperatorName` says
 * @throws value.operator_name
 */
export function parseOperatorName(text: string): string {
  if (!isOperatorName(text)) throw new TautlineError("value.operator_name", { detail: { text } });
  return text;
}
