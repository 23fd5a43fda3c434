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
    sentence: "A key of this request belongs, or once belonged, to another agent.",
    remedy:
      "Empty this agent's data folder and join again; it then makes itself new keys. If it was never joined, its disk is a copy of another agent's.",
    status: 409,
    exit: 1,
  },
  "enrolment.approval_pending": {
    sentence: "Agent {id} waits until an operator approves it; its code is {code}.",
    remedy:
      "At central compare the code in 'tautline agents show {id}' with the one the host prints, then 'tautline agents approve {id}'. The host goes on by itself.",
    status: 403,
    exit: 1,
  },
  "enrolment.declined": {
    sentence: "An operator declined agent {id}.",
    remedy:
      "Ask who did ('tautline audit list' at central). 'tautline agents approve {id}' at central takes it back; then join again on the host, with the same data folder.",
    status: 403,
    exit: 1,
  },
  "enrolment.agent_deleted": {
    sentence: "Agent {id} was deleted here; neither its id nor its keys are taken again.",
    remedy: "Empty this agent's data folder and join again with a new token.",
    status: 409,
    exit: 1,
  },
  "enrolment.not_waiting": {
    sentence: "Agent {id} does not wait for approval: it is {state}.",
    remedy: "'tautline agents list --state pending' shows who waits.",
    status: 409,
    exit: 1,
  },
  "enrolment.code_mismatch": {
    sentence: "The code {given} is not that of agent {id}, so nothing was approved.",
    remedy:
      "Look again with 'tautline agents show {id}', and at what the host prints: another host may pose as yours, or it asks with new keys.",
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
      "The side with the newest number keeps running. Find the copy of the data folder, stop it, empty it and join it again; if a stranger may hold the newest, 'tautline agents revoke {id}' at central and join again. 'tautline agents release {id}' ends the suspicion.",
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
