import { defineErrors } from "./entry.ts";

/** Central as a running program. */
export const centralErrors = defineErrors({
  "central.address_in_use": {
    sentence: "The {listener} port {address} is in use by another program.",
    remedy: "Stop that program, or choose another port with {flag} (0 takes any free one).",
    status: 503,
    exit: 1,
  },
  "central.cannot_listen": {
    sentence: "The {listener} port cannot listen on {address}: {reason}.",
    remedy:
      "Choose an address of this host and a port this user may take: {flag}, or the settings file.",
    status: 503,
    exit: 1,
  },
  "central.ports_equal": {
    sentence: "The secure port and the plaintext port are both {port}.",
    remedy:
      "Nothing was changed. Choose two ports, or let plaintext be spoken on the secure port on purpose: 'tautline listeners set plaintext --shared'.",
    status: 409,
    exit: 2,
  },
  "central.admin_socket_failed": {
    sentence: "The admin socket {path} cannot be made: {reason}.",
    remedy:
      "Use a data folder with a short path (the system takes about 100 characters for a socket) on a file system that has sockets.",
    status: 503,
    exit: 1,
  },
  "central.clock_behind": {
    sentence:
      "This host's clock says {now}, which is before {madeAt}, when this central's authority was made.",
    remedy:
      "Nothing was changed. Set the clock of this host (look at 'timedatectl'), then start central again: with such a clock no certificate could be issued.",
    status: 503,
    exit: 1,
  },
  "central.database_missing": {
    sentence: "The data folder {dataDir} has a vault key, but no database.",
    remedy:
      "Nothing was changed. Restore central.db from the same backup as vault.key; to start a new fleet, use an empty folder.",
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
  "central.busy": {
    sentence:
      "Central has more callers than it takes at once; this one's turn comes in about {retryAfterSeconds} s.",
    remedy:
      "Nothing to do: agents come back by themselves, each at another time. If it lasts, see 'admission' in central.yaml.",
    status: 503,
    exit: 3,
  },
  "central.unavailable": {
    sentence: "Central cannot do this now.",
    remedy: "Wait and try again. Why, is told in central's own log and nowhere else.",
    status: 503,
    exit: 3,
  },
});
