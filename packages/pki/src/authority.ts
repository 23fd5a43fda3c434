import type { KeyObject, X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** An authority: its certificate and its private key. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export interface RootOptions {
  readonly trustDomain: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly lifetimeMs: number;
  readonly serial: Uint8Array;
}

export interface AgentsIntermediateOptions extends RootOptions {
  readonly namespace: string;
}

export type ServicesIntermediateOptions = RootOptions;

export function createRoot(options: RootOptions): Authority {
  throw new TautlineError("pki.issue_refused", {
    detail: { reason: `not written yet ${options.trustDomain}` },
  });
}
export function createAgentsIntermediate(
  root: Authority,
  options: AgentsIntermediateOptions,
): Authority {
  throw new TautlineError("pki.issue_refused", {
    detail: { reason: `not written yet ${options.trustDomain} ${root.certificate.subject}` },
  });
}
export function createServicesIntermediate(
  root: Authority,
  options: ServicesIntermediateOptions,
): Authority {
  throw new TautlineError("pki.issue_refused", {
    detail: { reason: `not written yet ${options.trustDomain} ${root.certificate.subject}` },
  });
}
