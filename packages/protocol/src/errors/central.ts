import { defineErrors } from "./entry.ts";

/** Central as a running program. */
export const centralErrors = defineErrors({
  "central.address_in_use": {
    sentence: "The {listener} port {address} is in use by another program.",
    remedy: "Stop that program, or choose another port with {flag} (0 takes any free one).",
    status: 503,
    exit: 1,
  },
  "central.trust_domain_fixed": {
    sentence:
      "The settings say trust domain '{configured}', but this data folder was made for '{stored}'.",
    remedy:
      "Put '{stored}' back into the settings; every agent's identity contains it, so it cannot change.",
    status: 409,
    exit: 1,
  },
  "central.stopping": {
    sentence: "Central is stopping.",
    remedy: "Wait and try again; agents reconnect by themselves.",
    status: 503,
    exit: 3,
  },
});
