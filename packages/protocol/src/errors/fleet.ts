import { defineErrors } from "./entry.ts";

/** What operators do to agents (DESIGN section 2: the states of an agent). */
export const fleetErrors = defineErrors({
  "fleet.not_possible": {
    sentence: "Agent {id} is {state}, so it cannot be {done}.",
    remedy: "Nothing was changed. 'tautline agents show {id}' tells how it came to be so.",
    status: 409,
    exit: 1,
  },
  "fleet.no_identity": {
    sentence: "Agent {id} is {state}: nobody proved to be it, so it cannot be {done}.",
    remedy:
      "Nothing was changed. 'tautline agents delete {id}' removes it until it comes again; to keep it out, take its level from the port ('tautline listeners set') or its key ('tautline keys delete').",
    status: 409,
    exit: 1,
  },
  "fleet.has_identity": {
    sentence: "Agent {id} is {state}: it has an identity, and cannot be promoted to one.",
    remedy: "Nothing was changed. Only agents of the states unproven and keyed are promoted.",
    status: 409,
    exit: 1,
  },
  "fleet.move_lowers": {
    sentence: "Agent {id} was heard at '{has}' last, and an order to '{level}' would lower it.",
    remedy:
      "Nothing was changed. Only somebody on its host lowers an agent's level: 'tautline agent lower-floor {level}' there.",
    status: 409,
    exit: 1,
  },
  "fleet.delete_unconfirmed": {
    sentence:
      "Agent {id} is {state}; without more ado only revoked, declined and long expired agents are deleted.",
    remedy:
      "Nothing was changed. Revoke it first; or confirm 'tautline agents delete {id}', which does both in one (?force=true of the API).",
    status: 409,
    exit: 1,
  },
  "fleet.cannot_replace": {
    sentence: "Agent {id} cannot take the place of agent {old}: {reason}.",
    remedy:
      "Nothing was changed. Join the new host first, in the same namespace; 'tautline agents list' shows both.",
    status: 409,
    exit: 1,
  },
});
