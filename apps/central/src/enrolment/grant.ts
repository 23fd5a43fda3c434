import { createHash, type X509Certificate } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { toPem } from "@tautline/pki";
import {
  CAPABILITY_ENROLMENT,
  ConnectionSettingsOffersSchema,
  customMessage,
  encodeEnrolmentGrant,
  type ServerToAgent,
} from "@tautline/protocol";
import type { CertificateAuthority } from "../authority/authority.ts";
import { plainAnswer } from "../control/answer.ts";
import type { Instructor } from "../instructions/instructor.ts";
import type { Enrolled } from "./enrol.ts";

/** What a grant is made of. */
export interface GrantDeps {
  readonly authority: CertificateAuthority;
  readonly instructor: Instructor;
  /** Where agents of a namespace dial, `host:port` each. */
  readonly addresses: (namespace: string) => readonly string[];
}

/**
 * Makes the answer that gives an agent its identity: the client leaf as OpAMP's connection settings offer,
 * the rest (server leaf, root, instructor's key) beside it.
 *
 * @param deps authority, instructor and addresses
 * @param enrolled the recorded identity
 */
export function grantAnswer(deps: GrantDeps, enrolled: Enrolled): ServerToAgent {
  const { authority, instructor } = deps;
  const { agent, clientCertificate, serverCertificate, renewalCounter = 0n } = enrolled;
  // By the leaf: it may have been certified before the authority of its namespace was replaced.
  const issuerOf = (leaf: X509Certificate): X509Certificate =>
    authority.issuerOf(leaf) ?? authority.agentIntermediate(agent.namespace);
  const rootsPem = toPem([authority.root]);
  const clientChainPem = toPem([clientCertificate, issuerOf(clientCertificate)]);
  const addresses = [...deps.addresses(agent.namespace)];
  const grant = encodeEnrolmentGrant({
    namespace: agent.namespace,
    trustDomain: authority.trustDomain,
    serverChainPem: toPem([serverCertificate, issuerOf(serverCertificate)]),
    rootsPem,
    instructorKeyPem: instructor.publicKeyPem,
    signerEpoch: instructor.epoch,
    addresses,
    name: agent.name,
    renewalCounter,
  });
  const answer = plainAnswer(agent.id);
  const text = new TextEncoder();
  answer.connectionSettings = create(ConnectionSettingsOffersSchema, {
    hash: createHash("sha256").update(clientChainPem).update(grant).digest(),
    opamp: {
      destinationEndpoint: `wss://${addresses[0] ?? ""}/v1/opamp`,
      certificate: { cert: text.encode(clientChainPem), caCert: text.encode(rootsPem) },
    },
  });
  answer.customMessage = customMessage(CAPABILITY_ENROLMENT, "grant", grant);
  return answer;
}
