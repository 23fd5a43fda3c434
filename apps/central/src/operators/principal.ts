import { LOCAL_OPERATOR_NAME, type OperatorRole } from "@tautline/protocol";

/** Who makes a request of the API. */
export interface Principal {
  readonly name: string;
  readonly role: OperatorRole;
  /** The one namespace it is for; empty for every one. */
  readonly namespace: string;
}

/** Whoever may open the admin socket: an administrator of every namespace. */
export const LOCAL_PRINCIPAL: Principal = {
  name: LOCAL_OPERATOR_NAME,
  role: "admin",
  namespace: "",
};

/** How the audit trail names a principal. */
export function actorOf({ name }: Principal): string {
  return `operator:${name}`;
}
