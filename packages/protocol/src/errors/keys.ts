import { defineErrors } from "./entry.ts";

/** Shared keys at central (OVP-3: named, two versions at once, rotated under live links). */
export const keyErrors = defineErrors({
  "keys.not_possible": {
    sentence: "Key '{name}' cannot be rotated so: {reason}.",
    remedy:
      "Nothing was changed. 'tautline keys show {name}' tells what it has; the steps are 'keys rotate {name}', '--use' and '--remove'.",
    status: 409,
    exit: 1,
  },
  "keys.still_used": {
    sentence:
      "Version {version} of key '{name}' is the last that {agents} used; this would cut them off.",
    remedy:
      "Nothing was changed. Give these hosts the version in use first; or name each that may be cut off with --allow-cut-off ID,ID, or 'all' of them where the key leaked.",
    status: 409,
    exit: 1,
  },
  "keys.delete_unconfirmed": {
    sentence: "Key '{name}' is the last that {agents} used; this would cut them off.",
    remedy:
      "Nothing was changed. 'tautline keys show {name}' lists them; confirm 'tautline keys delete {name}' (?force=true of the API).",
    status: 409,
    exit: 1,
  },
  "keys.ended": {
    sentence: "The shared key '{identity}' that this link was opened with was taken away.",
    remedy:
      "Give this host the version in use: 'tautline keys show' at central names it, 'central.key' in agent.yaml says where its text is read.",
    status: 403,
    exit: 1,
  },
});
