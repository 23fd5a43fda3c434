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
  "config.old_setting": {
    sentence: "{file}: {place}: {reason}.",
    remedy:
      "Correct it in the old file or variable, or write agent.yaml or central.yaml yourself; docs/guides/old-settings.md lists what is read and how.",
    status: 400,
    exit: 1,
  },
  "config.old_unknown": {
    sentence: "{file} is no settings file that can be taken over: {reason}.",
    remedy:
      "Give agent.properties or collector.properties with encrypt settings, or agent.conf with central.websocket settings; --for agent or --for central says whose it is where the name does not.",
    status: 400,
    exit: 1,
  },
  "config.old_unsupported": {
    sentence:
      "{file}: tmp_namespace_settings cannot be taken over: in this release central does not dial agents, which is what they are for.",
    remedy:
      "Let each agent dial central instead: 'tautline tokens create' at central, 'tautline agent join' at the agent.",
    status: 400,
    exit: 1,
  },
  "config.would_overwrite": {
    sentence: "{file} is there already; nothing was written.",
    remedy: "Give another folder with --out, or replace it with --force.",
    status: 409,
    exit: 1,
  },
});
