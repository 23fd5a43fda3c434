import { defineErrors } from "./entry.ts";

/** The levels an agent dials at, climbs to and never goes below. */
export const agentLevelErrors = defineErrors({
  "agent.level_refused": {
    sentence: "{address} does not accept this agent's level '{level}': {text} ({code}) {reason}",
    remedy: "{remedy}",
    status: 426,
    exit: 1,
  },
  "agent.level_below_floor": {
    sentence: "'central.level' is '{level}' and 'floor' is '{floor}': the agent does not start.",
    remedy:
      "Take 'central.level' out of agent.yaml, or set 'floor' to the level that is meant. Without 'floor', an agent that has joined keeps to mtls.",
    status: 409,
    exit: 1,
  },
  "agent.level_lowered": {
    sentence: "Level '{level}' is asked for, and '{proven}' was proven with this central before.",
    remedy:
      "Dial at '{proven}' again. If the lower one is meant, allow it on this host: 'tautline agent lower-floor {level}'.",
    status: 409,
    exit: 1,
  },
  "agent.level_unreachable": {
    sentence: "Central could not be proven at level '{level}': {reason}",
    remedy:
      "The level in use stays in use. Open the way from the host to central's port for that level (and give the host the key, at basic and advanced), then order it again: 'tautline agents move ID --level {level}'.",
    status: 502,
    exit: 1,
  },
  "agent.level_rescued": {
    sentence:
      "Central did not hear this agent at level '{from}' any more ({reason}), so it went up to '{level}' by itself, with its own identity.",
    remedy:
      "Nothing has to be done. Set 'central.level' to '{level}' in agent.yaml, so that the file says what is; 'tautline agent lower-floor' is the way back.",
    status: 409,
    exit: 1,
  },
});
