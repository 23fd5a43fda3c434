import { defineErrors } from "./entry.ts";

/** Why an agent refuses an instruction (DESIGN "Control"). */
export const instructionErrors = defineErrors({
  "instruction.unsigned": {
    sentence: "Central sent '{kind}' without a signed instruction.",
    remedy:
      "Nothing was changed. If central did not send this, treat central as compromised and read its audit trail.",
    status: 403,
    exit: 1,
  },
  "instruction.bad_signature": {
    sentence: "The instruction's signature is not by the instructor this agent joined with.",
    remedy: "Nothing was changed. If central was replaced or restored, join this agent again.",
    status: 403,
    exit: 1,
  },
  "instruction.not_for_this_agent": {
    sentence: "The instruction is addressed to another agent or namespace.",
    remedy: "Nothing was changed. Look at central's audit trail for who sent it.",
    status: 403,
    exit: 1,
  },
  "instruction.replayed": {
    sentence:
      "The instruction {epoch}/{seq} is not newer than {lastEpoch}/{lastSeq}, the last one carried out.",
    remedy: "Nothing was changed. Repeat the change at central, which gives it a new number.",
    status: 409,
    exit: 1,
  },
  "instruction.wrong_epoch": {
    sentence: "The instruction was signed in epoch {epoch}; this agent knows epoch {known}.",
    remedy:
      "Nothing was changed. If central's instructor key was rotated while this agent was away, join this agent again.",
    status: 403,
    exit: 1,
  },
  "instruction.expired": {
    sentence: "The instruction expired at {expires}.",
    remedy:
      "Nothing was changed. Compare the clocks of this host and of central, then repeat the change at central.",
    status: 409,
    exit: 1,
  },
  "instruction.from_the_future": {
    sentence: "The instruction was created at {created}, which is ahead of this host's clock.",
    remedy: "Nothing was changed. Compare the clocks of this host and of central.",
    status: 409,
    exit: 1,
  },
  "instruction.digest_mismatch": {
    sentence: "What came with the instruction is not what was signed.",
    remedy:
      "Nothing was changed. Look for a proxy that alters messages between this host and central.",
    status: 403,
    exit: 1,
  },
  "instruction.malformed": {
    sentence: "The instruction cannot be read: {reason}.",
    remedy:
      "Nothing was changed. Central and agent may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
  "instruction.kind_not_allowed": {
    sentence: "The instruction kind '{kind}' is not one this agent carries out.",
    remedy: "Nothing was changed. Upgrade the agent, or allow the kind in its local settings.",
    status: 403,
    exit: 1,
  },
  "instruction.receipt_malformed": {
    sentence: "The agent's answer to an instruction cannot be read: {reason}.",
    remedy:
      "Central and agent may be of versions too far apart; compare 'tautline --version' on both.",
    status: 400,
    exit: 1,
  },
});
