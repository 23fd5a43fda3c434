import { defineErrors } from "./entry.ts";

/** Where central may connect to for an agent (DESIGN promise 9). What an agent is told names no address of central's network. */
export const forwardTargetErrors = defineErrors({
  "forward.not_allowed": {
    sentence: "Central allows no forward '{name}' to agent {id}.",
    remedy:
      "'tautline forwards list' at central shows what is allowed; 'tautline forwards allow {name} --target HOST:PORT' allows it.",
    status: 403,
    exit: 1,
  },
  "forward.target_forbidden": {
    sentence: "Forward '{name}' goes nowhere that central may connect to: {reason}.",
    remedy:
      "Nothing was connected. If that place is meant, allow the forward by the address itself, such as --target 127.0.0.1:5432; link-local and metadata addresses and central's own ports ask for --also-local as well, and so does a name of central's own host.",
    status: 403,
    exit: 1,
  },
  "forward.target_unreachable": {
    sentence: "Central cannot reach the target of forward '{name}': {reason}.",
    remedy:
      "Look whether the server runs and its host lets central in; 'tautline forwards show {name}' at central shows the target.",
    status: 502,
    exit: 1,
  },
  "forward.service_not_allowed": {
    sentence: "Central lets nobody open the service '{name}' of agent {id}.",
    remedy:
      "'tautline forwards list' at central shows what is allowed; 'tautline forwards allow {name} --reverse --agent {id}' allows it.",
    status: 403,
    exit: 1,
  },
  "forward.agent_away": {
    sentence: "Agent {id} has no link ready over which a service can be opened.",
    remedy:
      "See at its host that it runs and lists 'services' in agent.yaml: 'tautline agent status' shows both, and why its links fail.",
    status: 503,
    exit: 3,
  },
  "forward.operator_ended": {
    sentence: "The stream was ended: operator {name} is disabled, or its token has expired.",
    remedy: "'tautline operators list' shows its state; 'tautline operators create' makes another.",
    status: 401,
    exit: 1,
  },
  "forward.too_many": {
    sentence: "The agent has {limit} {what} already, which is the limit.",
    remedy: "End some of them. If so many are meant, allow the forward anew with --max-streams.",
    status: 429,
    exit: 1,
  },
});
