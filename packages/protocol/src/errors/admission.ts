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
  "admission.token_in_the_open": {
    sentence: "A join token was shown at the level {level}; joining needs the level tls.",
    remedy:
      "Join over the secure port, as 'tautline agent join TOKEN' does. Others may have read this token on its way: revoke it with 'tautline tokens revoke' and make another.",
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
