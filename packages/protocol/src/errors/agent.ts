import { defineErrors } from "./entry.ts";

/** The agent as a running program. */
export const agentErrors = defineErrors({
  "agent.not_joined": {
    sentence: "This host has not joined a central (no identity in {dataDir}).",
    remedy:
      "Create a token at central with 'tautline tokens create' and run 'tautline agent join TOKEN'.",
    status: 409,
    exit: 1,
  },
  "agent.already_joined": {
    sentence: "This host has already joined '{trustDomain}' as agent {id}.",
    remedy:
      "Nothing was changed and no token was used. To join another central, give it a data folder of its own with --data.",
    status: 409,
    exit: 1,
  },
  "agent.already_running": {
    sentence: "Another agent is running on the data folder {dataDir}.",
    remedy: "Stop that one first, or give this one a data folder of its own with --data.",
    status: 409,
    exit: 1,
  },
  "agent.token_missing": {
    sentence: "No join token was given.",
    remedy:
      "Give it as an argument, with --token-file, or in TAUTLINE_TOKEN; 'tautline tokens create' at central prints one.",
    status: 400,
    exit: 2,
  },
  "agent.token_unreadable": {
    sentence: "The join token's file {file} cannot be read: {reason}.",
    remedy: "Check the path and the file's rights.",
    status: 400,
    exit: 2,
  },
  "agent.token_for_another_central": {
    sentence: "The central at {address} is not the one this token is for ('{trustDomain}').",
    remedy:
      "Nothing was sent to it. Create the token at the central you mean to join; if it is the right one, look for a device between that opens TLS.",
    status: 403,
    exit: 1,
  },
  "agent.approval_waiting": {
    sentence: "This host waits for approval as agent {id}; its code is {code}.",
    remedy:
      "Nothing is lost. Once 'tautline agents approve {id}' was said at central, run 'tautline agent join' again without a token: it goes on where it stands.",
    status: 409,
    exit: 1,
  },
  "agent.leave_unproven": {
    sentence: "Agent {id} has not finished its join, so it cannot tell central that it leaves.",
    remedy:
      "Nothing was wiped. Repeat with --force to wipe this host, and say 'tautline agents decline {id}' or 'tautline agents delete {id}' at central.",
    status: 409,
    exit: 1,
  },
  "agent.leave_unanswered": {
    sentence: "Central did not acknowledge that agent {id} leaves: {reason}",
    remedy:
      "Nothing was wiped. Repeat when central can be reached; or repeat with --force, which wipes this host alone, and say 'tautline agents revoke {id}' at central.",
    status: 503,
    exit: 3,
  },
  "agent.wipe_failed": {
    sentence: "{file} could not be removed: {reason}.",
    remedy: "The agent has left central. Remove the rest of its data folder by hand.",
    status: 500,
    exit: 1,
  },
  "agent.no_grant": {
    sentence: "Central at {address} answered the join without granting or refusing it.",
    remedy:
      "Join again with the same token. If this repeats, compare 'tautline --version' on both.",
    status: 502,
    exit: 1,
  },
  "agent.grant_refused": {
    sentence: "What central granted does not fit this agent: {reason}.",
    remedy:
      "Nothing was taken over. Compare 'tautline --version' on both, then join again with the same token.",
    status: 502,
    exit: 1,
  },
  "agent.renewal_refused": {
    sentence: "What central granted to renew this agent's identity does not fit it: {reason}.",
    remedy:
      "Nothing was taken over; the identity in use goes on, and the agent asks again by itself. Compare 'tautline --version' on both, and both clocks.",
    status: 502,
    exit: 1,
  },
  "agent.refused": {
    sentence: "Central refused: {text} ({code})",
    remedy: "{advice} Nothing of the agent was changed.",
    status: 403,
    exit: 1,
  },
  "agent.central_unavailable": {
    sentence: "Central cannot answer now ({code}): {text}",
    remedy: "Wait; the agent tries again by itself after the time central asks for.",
    status: 503,
    exit: 3,
  },
  "agent.link_closed": {
    sentence: "The link to {address} was closed{reason}.",
    remedy: "The agent dials again by itself. If this repeats, look at central's log.",
    status: 503,
    exit: 3,
  },
  "agent.central_silent": {
    sentence: "Central at {address} did not answer a message within {seconds} s.",
    remedy: "Look at central's log and load; the agent closes the link and dials again by itself.",
    status: 504,
    exit: 3,
  },
  "agent.clock_off": {
    sentence:
      "This host's clock is {distance} {direction} central's: here {here}, at central {there}.",
    remedy:
      "Set the wrong one by NTP ('timedatectl status' on both). Until then instructions can be refused as expired or not yet made, and certificates as not valid.",
    status: 409,
    exit: 1,
  },
  "agent.addresses_unreachable": {
    sentence: "None of the new addresses of central could be proven: {reason}",
    remedy:
      "The addresses in use stay in use. Make the same central answer at a new address, then set it again at central.",
    status: 502,
    exit: 1,
  },
  "agent.addresses_local": {
    sentence: "This agent's own settings file says where central is ('central.addresses').",
    remedy:
      "Nothing was changed. Change the file on the agent's host, or empty the key there to let central say.",
    status: 409,
    exit: 1,
  },
  "agent.below_floor": {
    sentence:
      "The link to {address} reached level '{level}'; this agent accepts nothing below '{floor}'.",
    remedy: "Nothing was sent over it. Make central offer mutual TLS on this port.",
    status: 403,
    exit: 1,
  },
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
  "agent.key_missing": {
    sentence: "The levels basic and advanced need a key shared with central, and none is set.",
    remedy:
      "Set 'central.key.file' in agent.yaml, or give --key-file; 'tautline keys create' at central makes one.",
    status: 400,
    exit: 1,
  },
  "agent.key_unusable": {
    sentence: "The key file {file} cannot be used: {reason}.",
    remedy:
      "Put the key's text, as central has it, into that file, with mode 0600 and on one line.",
    status: 400,
    exit: 1,
  },
  "agent.key_weak": {
    sentence: "The key '{name}' in {file} is weak: {reason}.",
    remedy:
      "It works. Make a better one with 'tautline keygen', and give it to central and to every agent that shares it.",
    status: 400,
    exit: 1,
  },
  "agent.legacy_joined": {
    sentence: "The data folder {dataDir} holds agent {id}, which has joined a central.",
    remedy:
      "Run it as it is, with 'tautline agent run' and without --central; or give an agent that is not to join a folder of its own with --data.",
    status: 409,
    exit: 1,
  },
  "agent.legacy_level": {
    sentence: "This agent, which has not joined, cannot dial at level '{level}': {reason}.",
    remedy:
      "For tls give it --ca-file or --pin, `central.trust` in agent.yaml, or `ca/ca.crt` in its data folder; for mtls a certificate besides. Files there that are no longer wanted must go with `tls-files.json`. Or join with a token: 'tautline agent join'.",
    status: 409,
    exit: 1,
  },
  "agent.level_missing": {
    sentence: "This host has not joined, and nothing says at which level central is dialled.",
    remedy:
      "Give --level beside --central, or set 'central.level' in agent.yaml. The files of an existing PKI say it by themselves: `ca/ca.crt` in the data folder, or --ca-file or --pin.",
    status: 400,
    exit: 2,
  },
  "agent.legacy_address": {
    sentence: "This host has not joined, and nothing says where central is.",
    remedy:
      "Join with 'tautline agent join TOKEN'; or, without joining, set 'central.addresses' beside 'central.level', or give --central and --level.",
    status: 400,
    exit: 2,
  },
  "agent.legacy_damaged": {
    sentence: "The file {file} of an agent without an identity is damaged: {reason}.",
    remedy:
      "Nothing was changed. Put it back as it was; or remove it, and the agent appears at central as a new one.",
    status: 503,
    exit: 1,
  },
  "agent.central_url": {
    sentence: "'{text}' does not say where central is: {reason}.",
    remedy:
      "Write host, host:port, or ws://, wss://, http:// or https:// with host and port; IPv6 in brackets.",
    status: 400,
    exit: 2,
  },
  "agent.order_unproven": {
    sentence: "Central sent an order ({what}) to this agent, which has no identity and takes none.",
    remedy:
      "Nothing was done. To be led by central, this host has to join: 'tautline tokens create' there, 'tautline agent join' here.",
    status: 403,
    exit: 1,
  },
  "agent.foreign_message": {
    sentence: "Central sent a message for agent {claimed} over the link of this agent.",
    remedy: "It was ignored. Look for a proxy that mixes agents' links.",
    status: 502,
    exit: 1,
  },
  "agent.too_many_answers": {
    sentence: "Central asked for more than {limit} messages within one heartbeat.",
    remedy:
      "The agent waits for its next heartbeat. Look at central's log for what it asks again and again.",
    status: 429,
    exit: 1,
  },
  "agent.settings_damaged": {
    sentence: "The agent's state file {file} is damaged: {reason}.",
    remedy:
      "Nothing was changed. Put back the folder as it was (with its vault files), or empty the folder and join again.",
    status: 503,
    exit: 1,
  },
  "agent.out_of_order": {
    sentence: "'{event}' cannot happen to an agent whose state is '{state}'.",
    remedy: "Nothing was changed. Look at 'tautline agent status' and report this with the log.",
    status: 409,
    exit: 1,
  },
  "agent.audit_damaged": {
    sentence: "The local audit trail {file} does not hold together from entry {at} on: {reason}.",
    remedy:
      "The agent set it aside as {aside} and began a new one. Compare it with central's audit trail before you trust this host.",
    status: 500,
    exit: 1,
  },
  "agent.audit_unwritable": {
    sentence: "The local audit trail {file} cannot be written: {reason}.",
    remedy: "Nothing is carried out meanwhile. Free space or correct the rights of the folder.",
    status: 503,
    exit: 1,
  },
  "agent.socket_path_too_long": {
    sentence: "The path {path} is too long for a socket ({bytes} bytes; the system takes {limit}).",
    remedy: "Use a data folder with a shorter path.",
    status: 400,
    exit: 1,
  },
  "agent.socket_failed": {
    sentence: "The status socket {path} cannot be opened: {reason}.",
    remedy: "Check the rights and the file system of the data folder; it must allow sockets.",
    status: 503,
    exit: 1,
  },
  "agent.status_unreadable": {
    sentence: "The agent behind {path} gave no readable status: {reason}.",
    remedy:
      "Compare 'tautline --version' with the version of the running agent; restart the agent.",
    status: 502,
    exit: 1,
  },
  "agent.folder_unusable": {
    sentence: "The data folder {dataDir} cannot be used: {reason}.",
    remedy: "Give the agent's user a folder it may write to, with --data or TAUTLINE_DATA.",
    status: 503,
    exit: 1,
  },
});
