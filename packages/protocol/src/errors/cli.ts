import { defineErrors } from "./entry.ts";

/** The command itself. */
export const cliErrors = defineErrors({
  "cli.usage": {
    sentence: "{reason}.",
    remedy: "See '{command} --help'.",
    status: 400,
    exit: 2,
  },
  "cli.central_not_running": {
    sentence: "No central is running on the data folder {dataDir}.",
    remedy:
      "Start it with 'tautline central run --data {dataDir}', or name another folder with --data or TAUTLINE_DATA.",
    status: 503,
    exit: 3,
  },
  "cli.central_silent": {
    sentence: "Central took longer than {seconds} s to answer {request}.",
    remedy:
      "Look at central's log and at the load of its host, then try again; what was asked for may have been done.",
    status: 504,
    exit: 3,
  },
  "cli.central_unreadable": {
    sentence: "Central's answer to {request} cannot be read: {reason}.",
    remedy:
      "Central and command may be of versions too far apart; compare 'tautline --version' on both.",
    status: 502,
    exit: 1,
  },
  "cli.central_refused": {
    sentence: "Central refused {request} with status {status}.",
    remedy: "Look at central's log for the reason.",
    status: 502,
    exit: 1,
  },
  "cli.admin_socket_denied": {
    sentence: "The admin socket {path} may not be opened by this user.",
    remedy: "Run the command as the user that central runs as, or as root.",
    status: 403,
    exit: 1,
  },
  "cli.admin_socket_failed": {
    sentence: "The admin socket {path} cannot be used: {reason}.",
    remedy: "Name the data folder of the running central with --data or TAUTLINE_DATA.",
    status: 503,
    exit: 3,
  },
  "cli.file_unwritable": {
    sentence: "The file {file} cannot be written: {reason}.",
    remedy: "Check that its folder is there, may be written by you, and has room.",
    status: 500,
    exit: 1,
  },
  "cli.file_unreadable": {
    sentence: "The file {file} cannot be read: {reason}.",
    remedy: "Check the path and the file's rights.",
    status: 400,
    exit: 1,
  },
  "cli.confirmation_needed": {
    sentence: "{question} Nobody can be asked here, so nothing was done.",
    remedy: "Repeat the command with --yes if you mean it.",
    status: 400,
    exit: 2,
  },
  "cli.declined": {
    sentence: "Nothing was done.",
    remedy: "Repeat the command and answer yes, or use --yes.",
    status: 409,
    exit: 1,
  },
  "cli.ambiguous_name": {
    sentence: "{count} agents are called '{name}'.",
    remedy: "Use the agent's id instead: 'tautline agents list' prints it.",
    status: 409,
    exit: 1,
  },
  "cli.part_failed": {
    sentence: "{part} refused to go on, so everything was stopped.",
    remedy: "Read the end of {log} for the reason, then start again; nothing is lost.",
    status: 503,
    exit: 1,
  },
  "cli.part_ended": {
    sentence: "{part} ended by itself ({how}), so everything was stopped.",
    remedy: "Read the end of {log} for the reason, then start again; nothing is lost.",
    status: 503,
    exit: 1,
  },
  "cli.part_not_ready": {
    sentence: "{part} was not ready after {seconds} s, so everything was stopped.",
    remedy: "Read the end of {log} for the reason, then start again; nothing is lost.",
    status: 504,
    exit: 1,
  },
  "cli.console_url": {
    sentence: "'{text}' is not the address of a central's console port: {reason}.",
    remedy: "Write it as https://HOST:8443, as 'tautline status' on central's own host shows it.",
    status: 400,
    exit: 2,
  },
  "cli.login_token_missing": {
    sentence: "No operator's token was given.",
    remedy:
      "Give the file that holds it with --token-file F, - for standard input, or set TAUTLINE_TOKEN; an administrator makes one with 'tautline operators create'.",
    status: 400,
    exit: 2,
  },
  "cli.root_unconfirmed": {
    sentence:
      "{address} shows a root with the pin {pin}, and nobody can be asked whether it is right.",
    remedy:
      "Nothing was sent. Take the root pin from 'tautline status' on central's own host, and repeat with --root-pin HEX.",
    status: 400,
    exit: 2,
  },
  "cli.root_mismatch": {
    sentence: "{address} does not show the root that {who} pins.",
    remedy:
      "Nothing was sent. Compare with the root pin of 'tautline status' on central's own host: if it differs from what is pinned, central was made anew and 'tautline login' is due; if not, somebody stands between.",
    status: 403,
    exit: 1,
  },
  "cli.context_unknown": {
    sentence: "There is no context '{name}'.",
    remedy: "'tautline contexts list' shows those there are; 'tautline login URL' makes one.",
    status: 404,
    exit: 2,
  },
  "cli.contexts_malformed": {
    sentence: "The contexts in {file} cannot be read: {reason}.",
    remedy: "Remove the file and log in again with 'tautline login URL'.",
    status: 400,
    exit: 1,
  },
  "cli.no_config_folder": {
    sentence: "There is no folder to keep contexts in.",
    remedy: "Set HOME or XDG_CONFIG_HOME to an absolute path that this user may write.",
    status: 400,
    exit: 1,
  },
  "cli.listen_failed": {
    sentence: "Nothing can listen at {address} on this host: {reason}.",
    remedy:
      "Stop whatever listens there, or take another port with --listen; port 0 is any free one.",
    status: 409,
    exit: 1,
  },
  "cli.audit_broken": {
    sentence: "The audit trail is broken at entry {at}: {reason}.",
    remedy:
      "Keep a copy of central's data folder; whoever changed the trail had access to its files. Entries before {at} are intact.",
    status: 409,
    exit: 1,
  },
  "cli.crl_not_for_chain": {
    sentence: "The revocation list {file} is not by any issuer in the chain.",
    remedy: "Give the list of the authority that issued one of the chain's certificates.",
    status: 400,
    exit: 1,
  },
});
