import { defineErrors } from "./entry.ts";

/** The agent's end of forwards. */
export const agentForwardErrors = defineErrors({
  "agent.forward_unreachable": {
    sentence:
      "A connection to the forward '{forward}' was reset, because central cannot be reached for it: {reason}",
    remedy:
      "The agent dials again by itself. If it lasts, see how the dials go with 'tautline agent status', and whether central takes forwards.",
    status: 503,
    exit: 3,
  },
  "agent.forward_dial_failed": {
    sentence: "No link for forwards could be opened: {reason}",
    remedy:
      "The agent dials again by itself; until then connections to its forwards are reset. Look at central's log at the same second.",
    status: 503,
    exit: 3,
  },
  "agent.forward_unjoined": {
    sentence: "The forwards and services in agent.yaml do not work: this agent has no identity.",
    remedy:
      "They are for agents that have joined: run 'tautline agent join TOKEN', or take 'forwards' and 'services' out of agent.yaml.",
    status: 409,
    exit: 1,
  },
  "agent.forward_full": {
    sentence:
      "A connection to the forward '{forward}' was reset: {limit} are carried, which is the limit.",
    remedy: "Find who opens so many; if they are meant, raise its 'maxStreams' in agent.yaml.",
    status: 503,
    exit: 3,
  },
  "agent.forward_listen_failed": {
    sentence: "The forward '{forward}' cannot listen at {address}: {reason}.",
    remedy:
      "Stop whatever listens there, or give the forward another address ('forwards' in agent.yaml). The agent tries again by itself.",
    status: 500,
    exit: 1,
  },
  "agent.forward_socket_alive": {
    sentence:
      "The forward '{forward}' cannot listen at {address}: another program listens at this socket.",
    remedy:
      "Nothing was replaced. Stop that program, or give the forward another path ('forwards' in agent.yaml). The agent tries again by itself.",
    status: 409,
    exit: 1,
  },
  "agent.forward_socket_foreign": {
    sentence: "The forward '{forward}' cannot listen at {address}: {reason}.",
    remedy:
      "Nothing was replaced. Remove what is there if nobody needs it, or give the forward another path ('forwards' in agent.yaml).",
    status: 409,
    exit: 1,
  },
  "agent.service_unknown": {
    sentence: "The agent lists no service '{service}'.",
    remedy:
      "What may be reached on its host is decided there alone: 'services' in its agent.yaml, then start it anew.",
    status: 403,
    exit: 1,
  },
  "agent.service_full": {
    sentence: "The service '{service}' has {limit} connections, which is the limit at the agent.",
    remedy: "End some of them; if so many are meant, raise its 'maxStreams' in agent.yaml.",
    status: 503,
    exit: 3,
  },
  "agent.service_unreachable": {
    sentence: "The service '{service}' cannot be reached from the agent: {reason}.",
    remedy:
      "Look whether the program runs on that host and listens where 'services' in agent.yaml says.",
    status: 502,
    exit: 1,
  },
  "agent.forward_link_unused": {
    sentence: "The agent closed a link for forwards that it does not need now.",
    remedy: "Nothing to do: it dials another one when it needs it.",
    status: 503,
    exit: 3,
  },
  "agent.forward_withdrawn": {
    sentence:
      "The connection to the forward '{forward}' was reset because central's settings no longer have it, or have it otherwise.",
    remedy:
      "If it is still needed, set it again: 'tautline settings set agents.forwards.{forward} 127.0.0.1:PORT' at central, or list it under 'forwards' in agent.yaml.",
    status: 409,
    exit: 1,
  },
  "agent.forward_not_listed": {
    sentence: "This host does not let central set the forward '{forward}' at {address}: {reason}.",
    remedy:
      "What central may set is decided on the host alone: list it under 'remoteForwards' in its agent.yaml and start the agent anew, or take it back with 'tautline settings unset agents.forwards.{forward}' at central.",
    status: 403,
    exit: 1,
  },
  "agent.forward_stopping": {
    sentence: "The connection to the forward '{forward}' was reset because the agent stops.",
    remedy: "Connect again once it runs.",
    status: 503,
    exit: 3,
  },
});
