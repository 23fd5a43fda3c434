import { defineErrors } from "./entry.ts";

/** Settings files and command-line settings. */
export const configErrors = defineErrors({
  "config.unreadable": {
    sentence: "The settings file {file} cannot be read: {reason}.",
    remedy: "Check the path and the file's rights.",
    status: 400,
    exit: 1,
  },
  "config.invalid": {
    sentence: "{file}: {path}: {reason}.",
    remedy:
      "Correct the key; 'tautline config example {app}' prints every key with its default and meaning.",
    status: 400,
    exit: 1,
  },
  "config.key_refused": {
    sentence: "The key '{name}' cannot be made from {file}: {reason}.",
    remedy:
      "Correct 'keys' in central.yaml or the file: its text on one line, owned by central's user, mode 0600. A key that central has already needs no file.",
    status: 400,
    exit: 1,
  },
});
