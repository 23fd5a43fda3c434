import { LIMITS } from "@tautline/protocol";
import { issueCertificate } from "./issue.ts";
import type { Issuer } from "./issuing-authority.ts";
import { createKeyPair } from "./keys.ts";
import type { CertificateProfile } from "./profile.ts";

/** An authority: its certificate and the key that belongs to it. */
export type Authority = Issuer;

/** What every authority needs. */
export interface AuthorityOptions {
  readonly trustDomain: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly lifetimeMs: number;
  /** 16 bytes as `createSerial` makes them. */
  readonly serial: Uint8Array;
}

/** What the authority of a namespace needs. */
export interface AgentsIntermediateOptions extends AuthorityOptions {
  readonly namespace: string;
}

/**
 * Gives the validity of a certificate made now: it begins a little earlier, so that a peer whose clock is behind accepts it.
 *
 * @param nowMs milliseconds since the epoch
 * @param lifetimeMs counted from now
 */
export function validityFrom(
  nowMs: number,
  lifetimeMs: number,
): { readonly notBefore: Date; readonly notAfter: Date } {
  return {
    notBefore: new Date(nowMs - LIMITS.clockToleranceMs.value),
    notAfter: new Date(nowMs + lifetimeMs),
  };
}

/**
 * Makes a root with a new P-256 key.
 *
 * @param options the trust domain, time, lifetime and serial
 * @throws pki.issue_refused, value.trust_domain
 */
export function createRoot(options: AuthorityOptions): Authority {
  return createAuthority({ kind: "root", trustDomain: options.trustDomain }, options, "self");
}

/**
 * Makes the authority for the agents of one namespace, limited to that namespace's host, with a new P-256 key.
 *
 * @param root the issuer
 * @param options the trust domain, namespace, time, lifetime and serial
 * @throws pki.issue_refused, value.trust_domain, value.namespace
 */
export function createAgentsIntermediate(
  root: Authority,
  options: AgentsIntermediateOptions,
): Authority {
  const { trustDomain, namespace } = options;
  return createAuthority({ kind: "agents-intermediate", trustDomain, namespace }, options, root);
}

/**
 * Makes the authority for names on the network, limited to URIs of the trust domain's own host, with a new P-256 key.
 *
 * @param root the issuer
 * @param options the trust domain, time, lifetime and serial
 * @throws pki.issue_refused, value.trust_domain
 */
export function createServicesIntermediate(root: Authority, options: AuthorityOptions): Authority {
  const { trustDomain } = options;
  return createAuthority({ kind: "services-intermediate", trustDomain }, options, root);
}

function createAuthority(
  profile: CertificateProfile,
  options: AuthorityOptions,
  issuer: Authority | "self",
): Authority {
  const { privateKey, publicKey } = createKeyPair("p256");
  const certificate = issueCertificate({
    profile,
    publicKey,
    issuer,
    selfKey: privateKey,
    ...validityFrom(options.now(), options.lifetimeMs),
    serial: options.serial,
  });
  return { certificate, privateKey };
}
