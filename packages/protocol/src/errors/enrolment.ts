import { defineErrors } from "./entry.ts";

/** Joining: tokens, and what an agent asks for with them. */
export const enrolmentErrors = defineErrors({
  "enrolment.token_unknown": {
    sentence: "The join token is not known here.",
    remedy: "Create a new one on this central with 'tautline tokens create' and copy it whole.",
    status: 401,
    exit: 1,
  },
  "enrolment.token_expired": {
    sentence: "The join token expired at {expiresAt}.",
    remedy: "Create a new one with 'tautline tokens create --ttl 1h'.",
    status: 401,
    exit: 1,
  },
  "enrolment.token_used_up": {
    sentence: "The join token was good for {uses} agents, and all have joined.",
    remedy: "Create a new one with 'tautline tokens create --uses N'.",
    status: 401,
    exit: 1,
  },
  "enrolment.token_revoked": {
    sentence: "The join token was revoked.",
    remedy:
      "Ask who revoked it ('tautline audit list'), and create a new one with 'tautline tokens create'.",
    status: 401,
    exit: 1,
  },
  "enrolment.id_taken": {
    sentence: "The agent id {id} belongs to an agent with other keys.",
    remedy: "Empty this agent's data folder and join again; it then makes itself a new id.",
    status: 409,
    exit: 1,
  },
  "enrolment.key_taken": {
    sentence: "A key of this join request was certified for another agent before.",
    remedy:
      "Empty this agent's data folder and join again; it then makes itself new keys. If it was never joined, its disk is a copy of another agent's.",
    status: 409,
    exit: 1,
  },
  "enrolment.request_malformed": {
    sentence: "The join request cannot be read: {reason}.",
    remedy:
      "Central and agent may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
  "enrolment.renewal_malformed": {
    sentence: "The renewal request cannot be read: {reason}.",
    remedy:
      "Central and agent may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
  "enrolment.renewal_out_of_step": {
    sentence:
      "The agent asks for renewal number {counter}, but the last one recorded here is {known}.",
    remedy:
      "If central was restored from an old backup, empty this agent's data folder and join it again.",
    status: 409,
    exit: 1,
  },
  "enrolment.clone_suspected": {
    sentence:
      "Agent {id} seems to exist twice: renewal number {counter} was asked for by an identity that a newer one has replaced, or had been given to other keys.",
    remedy:
      "The side with the newest number keeps running. Find the copy of the data folder, stop it, empty it and join it again; if a stranger may hold the newest, 'tautline agents revoke {id}' at central and join again.",
    status: 409,
    exit: 1,
  },
  "enrolment.grant_malformed": {
    sentence: "Central's answer to the request for an identity cannot be read: {reason}.",
    remedy:
      "Central and agent may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
});
