import { roleIncludes, TautlineError } from "@tautline/protocol";
import type { Principal } from "../operators/principal.ts";
import type { ForwardAllowance } from "./allowance.ts";

/**
 * Refuses an operator of less than the role that an allowance asks for.
 *
 * @param who that opens the service
 * @param allowance of the direction `in`
 * @throws api.forbidden
 */
export function requireOpener(
  who: Principal,
  { operatorRole }: Pick<ForwardAllowance, "operatorRole">,
): void {
  // One without a role is of the other direction, and gives nobody anything.
  const role = operatorRole ?? "admin";
  if (operatorRole !== null && roleIncludes(who.role, role)) return;
  throw new TautlineError("api.forbidden", { detail: { name: who.name, role, reach: "" } });
}
