import { type OperatorRole, roleIncludes } from "@tautline/protocol";
import type { Principal } from "./principal.ts";

/**
 * What a verb of the API touches: `nothing` of any namespace (the API's own description); `central` as a whole; one `object` of a
 * namespace, named by its id; a `place`, that is a namespace named in the request; a `list`, of which each row is judged.
 */
export type Reach = "nothing" | "central" | "object" | "place" | "list";

/** What a verb asks of its caller. */
export interface Demand {
  readonly role: OperatorRole;
  readonly reach: Reach;
}

/** `missing`: answered exactly as if it did not exist. */
export type Decision = "allow" | "forbidden" | "missing";

/**
 * Decides whether somebody may call a verb at all, before anything of the request is read.
 *
 * @param who the caller
 * @param demand the verb
 */
export function decideCall(who: Principal, { role, reach }: Demand): "allow" | "forbidden" {
  if (!roleIncludes(who.role, role)) return "forbidden";
  return reach === "central" && who.namespace !== "" ? "forbidden" : "allow";
}

/**
 * Decides whether somebody may do this to that: the whole rule of the API (A1, A18).
 *
 * @param who the caller
 * @param demand the verb
 * @param namespace where the thing belongs; empty for what belongs to none or to every one
 */
export function decideAccess(who: Principal, demand: Demand, namespace: string): Decision {
  if (decideCall(who, demand) === "forbidden") return "forbidden";
  if (demand.reach === "nothing" || who.namespace === "" || who.namespace === namespace) {
    return "allow";
  }
  // That there is an "every namespace" is no secret; which others there are is.
  return demand.reach === "place" && namespace === "" ? "forbidden" : "missing";
}
