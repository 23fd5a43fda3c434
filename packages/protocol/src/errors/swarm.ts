import { defineErrors } from "./entry.ts";

/** The simulator of agents. */
export const swarmErrors = defineErrors({
  "swarm.not_loopback": {
    sentence: "'{target}' is not on this host, and a swarm is let loose on nobody else.",
    remedy:
      "Run the swarm on central's own host and name a loopback address: 127.0.0.1:9150, [::1]:9150 or localhost:9150.",
    status: 403,
    exit: 2,
  },
  "swarm.level_needs": {
    sentence: "Agents at the level '{level}' need {option}.",
    remedy:
      "Give it: --plaintext-to names central's plaintext port on this host, --key-file the file of the key that agents share with central.",
    status: 400,
    exit: 2,
  },
  "swarm.out_of_bounds": {
    sentence: "{what} is {value}; a swarm takes {least} to {most}.",
    remedy: "Choose a value within these bounds; for a larger fleet start a second swarm.",
    status: 400,
    exit: 2,
  },
  "swarm.state_failed": {
    sentence: "The agents kept in {file} cannot be taken out or put back: {reason}.",
    remedy:
      "The file is what one run leaves for the next, whole: name the folder of a run that has ended by itself or at SIGTERM, on a disk with room, or a new one.",
    status: 500,
    exit: 1,
  },
  "swarm.ledger_failed": {
    sentence: "The ledger {file} cannot be written: {reason}.",
    remedy:
      "A ledger is the record of one run and is never written over: name a new file, on a disk with room.",
    status: 500,
    exit: 1,
  },
});
