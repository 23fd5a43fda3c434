import type { Verbs } from "../noun.ts";
import { allowClaims, denyClaims, listAllowedClaims } from "./allow.ts";
import { createClient } from "./create.ts";
import { listClients } from "./list.ts";
import { revokeClient } from "./revoke.ts";
import { rotateClient } from "./rotate.ts";

/** `tautline clients …` */
export const clientVerbs: Verbs = {
  create: createClient,
  list: listClients,
  rotate: rotateClient,
  revoke: revokeClient,
  allow: allowClaims,
  deny: denyClaims,
  allowed: listAllowedClaims,
};
