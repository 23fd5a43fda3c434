import { defineErrors } from "./entry.ts";

/** Who may use central's control link (A6: a valid certificate alone opens nothing). */
export const admissionErrors = defineErrors({
  "admission.credential_missing": {
    sentence: "This link has neither a client certificate nor a join token.",
    remedy:
      "Join first: 'tautline tokens create' at central, then 'tautline agent join TOKEN' on this host.",
    status: 401,
    exit: 1,
  },
  "admission.not_an_agent": {
    sentence: "The client certificate does not belong to an agent.",
    remedy: "Use the certificate that this host was given when it joined.",
    status: 403,
    exit: 1,
  },
  "admission.agent_unknown": {
    sentence: "Agent {id} is not registered here.",
    remedy:
      "If it was deleted, or central was replaced, empty the agent's data folder and join again.",
    status: 403,
    exit: 1,
  },
  "admission.agent_revoked": {
    sentence: "Agent {id} was revoked.",
    remedy:
      "Ask who revoked it ('tautline audit list' at central); to bring the host back, empty its data folder and join again.",
    status: 403,
    exit: 1,
  },
  "admission.agent_quarantined": {
    sentence: "Agent {id} is in quarantine: central keeps it, and lets it do nothing.",
    remedy:
      "Ask who put it there ('tautline audit list' at central). After 'tautline agents release {id}' it comes back by itself, without joining again.",
    status: 403,
    exit: 1,
  },
  "admission.certificate_unknown": {
    sentence: "This client certificate was not issued to this agent by this central.",
    remedy: "If central was restored from a backup, join this agent again.",
    status: 403,
    exit: 1,
  },
  "admission.certificate_revoked": {
    sentence: "This client certificate, or another one over the same key, was revoked.",
    remedy:
      "Ask who revoked it ('tautline audit list' at central). To bring the host back: 'tautline agents revoke ID' there, then empty the host's data folder and join it again.",
    status: 403,
    exit: 1,
  },
  "admission.certificate_expired": {
    sentence: "The client certificate of this link expired at {expiredAt}.",
    remedy:
      "The agent renews it by itself. If this repeats, look at 'tautline agent status' on its host, and at both clocks.",
    status: 403,
    exit: 1,
  },
  "admission.renew_only": {
    sentence:
      "The client certificate of this link expired at {expiredAt}; it may be renewed and nothing else.",
    remedy:
      "The agent renews it by itself. If this repeats, compare the clocks and 'tautline --version' on both hosts.",
    status: 403,
    exit: 1,
  },
  "admission.identity_replaced": {
    sentence:
      "Agent {id} seems to exist twice, and this certificate is of the side whose identity was replaced.",
    remedy:
      "The other side keeps running. If this is the copy, stop it, empty its data folder and join it again; if the other one is, 'tautline agents revoke {id}' at central and join again. 'tautline agents release {id}' ends the suspicion.",
    status: 409,
    exit: 1,
  },
  "admission.token_exposed": {
    sentence:
      "A join token came over a link of level {level}: whoever listened has it now, so it opens nothing any more.",
    remedy:
      "Treat it as exposed. Make another with 'tautline tokens create' at central, and join with it over the agents' port at tls.",
    status: 403,
    exit: 1,
  },
  "admission.proof_challenged": {
    sentence:
      "This link has nothing that a proof of identity could be bound to but a number of central's.",
    remedy:
      "The agent signs the number in WWW-Authenticate and asks again on the same connection, within 60 s; it is good for one proof.",
    status: 401,
    exit: 1,
  },
  "admission.proof_refused": {
    sentence: "The proof of identity does not fit this link: {reason}.",
    remedy:
      "A proof is good on the one connection that it was made for. If it was made for this one, something between the two hosts opens the link: look for it.",
    status: 403,
    exit: 1,
  },
  "admission.link_unbound": {
    sentence:
      "A link of level {level} proves nothing about who sent this message, so it cannot {what}.",
    remedy:
      "Let the agent dial at basic or a higher level for it ('central.level' of its settings).",
    status: 403,
    exit: 1,
  },
  "admission.id_enrolled": {
    sentence:
      "The id {id} is of an agent that has, or had, an identity here; it is not taken without that.",
    remedy:
      "If this host is that agent, let it prove itself: 'tautline agent status' on it. If it is another one, empty its data folder, so that it makes an id of its own.",
    status: 403,
    exit: 1,
  },
  "admission.claim_differs": {
    sentence:
      "The id {id} is known here from another namespace, or by a key of its own; this link has not that key.",
    remedy:
      "Give the agent the key it came with before. If the change is meant, 'tautline agents delete {id}' at central lets it come anew.",
    status: 403,
    exit: 1,
  },
  "admission.key_not_yours": {
    sentence: "The shared key of this link was given to another agent than {id}.",
    remedy:
      "Give each agent the key that was made for it ('tautline keys list' at central shows whose).",
    status: 403,
    exit: 1,
  },
  "admission.claims_full": {
    sentence:
      "Namespace '{namespace}' has {limit} agents without an identity already; no more are taken.",
    remedy:
      "Remove those that are gone ('tautline agents list --state unproven', 'tautline agents delete ID'), or let agents join.",
    status: 429,
    exit: 3,
  },
  "admission.claims_limited": {
    sentence:
      "Too many new agents without an identity came from this address; the next one is taken in {retryAfterSeconds} s.",
    remedy: "Wait: those that are known already are not held up.",
    status: 429,
    exit: 3,
  },
  "admission.identity_required": {
    sentence: "Agent {id} has no identity here: it is seen, and gets nothing.",
    remedy:
      "'tautline tokens create' at central, then 'tautline agent join TOKEN' on this host, gives it one; 'tautline agents promote {id}' tells it where.",
    status: 403,
    exit: 1,
  },
  "admission.only_told": {
    sentence:
      "Plaintext is open here for a while to tell this host where it can join, and for nothing else.",
    remedy:
      "'tautline agent status' on this host shows central's addresses and the pin of its root, as it was told. 'tautline tokens create' at central, then 'tautline agent join TOKEN' on this host, gives it an identity.",
    status: 426,
    exit: 1,
  },
  "admission.claim_ended": {
    sentence: "The link of agent {id}, which has no identity, has ended: {reason}.",
    remedy: "Nothing to do if that is meant; 'tautline audit list' at central tells who did it.",
    status: 409,
    exit: 1,
  },
  "admission.source_limited": {
    sentence:
      "Too many failed attempts came from this address; the next one without an agent's certificate is looked at in {retryAfterSeconds} s.",
    remedy:
      "Stop whatever repeats a wrong token or certificate from this address, then wait. Agents that have joined are not held up.",
    status: 429,
    exit: 3,
  },
  "admission.link_replaced": {
    sentence: "A newer link of the same agent took this one's place.",
    remedy:
      "If this host opened no second link, its identity was copied to another host: revoke the agent and join again.",
    status: 409,
    exit: 1,
  },
  "admission.level_not_accepted": {
    sentence: "Central does not accept the level {level} here. {reason}",
    remedy: "{remedy} At central: '{command}'.",
    status: 426,
    exit: 1,
  },
  "admission.certificate_needed": {
    sentence:
      "This port accepts callers with an agent's certificate only ({accepted}), and this one showed none.",
    remedy:
      "Join this host first ('tautline tokens create' at central, then 'tautline agent join TOKEN'), or accept callers without one: '{command}' at central.",
    status: 403,
    exit: 1,
  },
  "admission.loopback_only": {
    sentence:
      "The level {level} is accepted from central's own host alone, and this caller is on another.",
    remedy:
      "Secure this caller (level mtls; 'tautline agent join'), or let other hosts in: 'tautline listeners set plaintext --bind public' at central.",
    status: 403,
    exit: 1,
  },
  "admission.foreign_page": {
    sentence: "The request was refused on the loopback port: {reason}.",
    remedy:
      "Programs on this host call 127.0.0.1, [::1] or localhost and send no Origin. What sent this may be a web page that tries to reach central through a browser.",
    status: 403,
    exit: 1,
  },
});
