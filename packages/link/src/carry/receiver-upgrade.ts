/** Where central takes upgrades of agents' links to telemetry: an agent's edge comes in by this path. */
export const RECEIVER_PATH = "/v1/receiver";
/** The protocol that is upgraded to; HTTP/2 begins behind the answer, with its preface. */
export const RECEIVER_PROTOCOL = "tautline-receiver";
