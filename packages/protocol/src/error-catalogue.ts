import { admissionErrors } from "./errors/admission.ts";
import { agentErrors } from "./errors/agent.ts";
import { agentEdgeErrors } from "./errors/agent-edge.ts";
import { agentForwardErrors } from "./errors/agent-forward.ts";
import { agentLevelErrors } from "./errors/agent-level.ts";
import { apiErrors } from "./errors/api.ts";
import { auditErrors } from "./errors/audit.ts";
import { carryErrors } from "./errors/carry.ts";
import { certificateErrors } from "./errors/certificates.ts";
import { centralErrors } from "./errors/central.ts";
import { cliErrors } from "./errors/cli.ts";
import { configErrors } from "./errors/config.ts";
import { enrolmentErrors } from "./errors/enrolment.ts";
import { filesErrors } from "./errors/files.ts";
import { fleetErrors } from "./errors/fleet.ts";
import { forwardTargetErrors } from "./errors/forward-targets.ts";
import { forwardErrors } from "./errors/forward.ts";
import { instructionErrors } from "./errors/instruction.ts";
import { internalErrors } from "./errors/internal.ts";
import { keyErrors } from "./errors/keys.ts";
import { linkErrors } from "./errors/link.ts";
import { opampErrors } from "./errors/opamp.ts";
import { pkiErrors } from "./errors/pki.ts";
import { policyChangeErrors } from "./errors/policy-change.ts";
import { policyLinkErrors } from "./errors/policy-links.ts";
import { policyReopeningErrors } from "./errors/policy-reopening.ts";
import { receiverErrors } from "./errors/receiver.ts";
import { storeErrors } from "./errors/store.ts";
import { swarmErrors } from "./errors/swarm.ts";
import { valueErrors } from "./errors/value.ts";
import { vaultErrors } from "./errors/vault.ts";

export type { ErrorEntry } from "./errors/entry.ts";

/**
 * Every error Tautline can show, by code `area.situation`; docs/reference/errors.md holds the same table and a test compares them.
 * A code is never given a second meaning.
 */
export const ERROR_CATALOGUE = {
  ...valueErrors,
  ...opampErrors,
  ...instructionErrors,
  ...pkiErrors,
  ...vaultErrors,
  ...linkErrors,
  ...forwardErrors,
  ...carryErrors,
  ...admissionErrors,
  ...policyLinkErrors,
  ...enrolmentErrors,
  ...fleetErrors,
  ...keyErrors,
  ...forwardTargetErrors,
  ...policyChangeErrors,
  ...policyReopeningErrors,
  ...receiverErrors,
  ...configErrors,
  ...filesErrors,
  ...certificateErrors,
  ...storeErrors,
  ...centralErrors,
  ...apiErrors,
  ...auditErrors,
  ...agentErrors,
  ...agentEdgeErrors,
  ...agentForwardErrors,
  ...agentLevelErrors,
  ...swarmErrors,
  ...cliErrors,
  ...internalErrors,
};

/** The closed set of error codes. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;
