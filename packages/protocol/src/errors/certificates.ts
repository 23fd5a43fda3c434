import { defineErrors } from "./entry.ts";

/** Certificates as files for other programs. */
export const certificateErrors = defineErrors({
  "certificate.message_malformed": {
    sentence: "The message about a certificate for a program cannot be read: {reason}.",
    remedy: "Compare 'tautline --version' on both hosts.",
    status: 400,
    exit: 1,
  },
  "certificate.name_not_allowed": {
    sentence: "No certificate for '{name}' is allowed to {who} for this use.",
    remedy:
      "If it should have one, allow it at central: 'tautline certs allow --name {name}' with --agent or --namespace; 'tautline certs allowed' shows what is.",
    status: 403,
    exit: 1,
  },
  "certificate.name_taken": {
    sentence: "'{name}' is never certified for a program: {reason}.",
    remedy:
      "Give the program a name of its own. Whoever held a certificate for this one could be taken for central or an agent.",
    status: 403,
    exit: 1,
  },
  "certificate.wildcard_unasked": {
    sentence: "'{name}' stands for many hosts, and that was not asked for.",
    remedy: "Name the hosts one by one, or repeat with --wildcard if it is meant.",
    status: 400,
    exit: 2,
  },
  "certificate.too_many": {
    sentence: "Agent {id} has {limit} certificates for programs that have not ended.",
    remedy:
      "Older ones end by themselves; 'tautline certs list' shows them. If nobody set so many up on that host, look at what runs there.",
    status: 429,
    exit: 1,
  },
  "certificate.file_exists": {
    sentence: "The file {file} is there already, and nothing was written.",
    remedy: "Give another folder or other names, or --force to replace it.",
    status: 409,
    exit: 1,
  },
  "certificate.file_unwritable": {
    sentence: "The file {file} cannot be written: {reason}.",
    remedy:
      "What was there before is unchanged. Check that the folder may be written by the user this program runs as, and has room.",
    status: 500,
    exit: 1,
  },
  "agent.certificate_refused": {
    sentence: "The certificate '{name}' of agent.yaml was not had: {text}",
    remedy:
      "Central's own words say what to do ({code}); the files that are there stay as they are.",
    status: 403,
    exit: 1,
  },
  "agent.certificate_unfit": {
    sentence:
      "What central sent for the certificate '{name}' of agent.yaml is not taken: {reason}.",
    remedy:
      "The files that are there stay as they are, and it is asked for again. Compare 'tautline --version' on both hosts; if they fit, look at who runs central.",
    status: 502,
    exit: 1,
  },
  "agent.certificates_unjoined": {
    sentence: "The certificates of agent.yaml are not kept: this agent has not joined.",
    remedy:
      "Only an agent that proves who it is gets certificates for its host's programs: 'tautline agent join' with a token of central's.",
    status: 409,
    exit: 1,
  },
  "agent.reload_failed": {
    sentence: "The files of the certificate '{name}' are new, but '{program}' failed: {reason}.",
    remedy:
      "The program they are for may still show its old certificate. Run the reload command of agent.yaml by hand as the agent's user and see what it says.",
    status: 500,
    exit: 1,
  },
});
