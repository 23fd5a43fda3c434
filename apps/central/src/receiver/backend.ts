import type { Level } from "@tautline/protocol";
import type { ClaimMode } from "./claims/claim.ts";

/** What a backend speaks: gRPC (HTTP/2), or anything else over HTTP/1.1. */
export const BACKEND_PROTOCOLS = ["grpc", "http"] as const;

/** One of them. */
export type BackendProtocol = (typeof BACKEND_PROTOCOLS)[number];

/** How a backend is known: not at all, by the system's authorities, by those of a file, or by its key. */
export const BACKEND_TRUSTS = ["off", "system", "ca", "pin"] as const;

/** One of them. */
export type BackendTrust = (typeof BACKEND_TRUSTS)[number];

/** What a backend asks of whoever calls it (SWP-6: by route, on one port). */
export interface Demands {
  /** The name that refusals tell. */
  readonly name: string;
  /** A set in rising order; where `tls` is, `mtls` is taken too. */
  readonly levels: readonly Level[];
  /** The one namespace whose callers it takes; null for every one. */
  readonly namespace: string | null;
  /** No call without a client's token, whatever else was proven. */
  readonly requireToken: boolean;
  /** Callers are taken who show neither certificate nor token. */
  readonly anonymous: boolean;
}

/** A server that telemetry is carried to, unchanged. */
export interface Backend extends Demands {
  /** "host:port", in the order to try. */
  readonly targets: readonly string[];
  readonly protocol: BackendProtocol;
  /** Paths and beginnings of paths; empty for whatever no other backend of the protocol takes. */
  readonly routes: readonly string[];
  readonly tls: BackendTrust;
  /** PEM of authorities, or pins in base64url separated by commas; empty where neither is needed. */
  readonly trust: string;
  /** A name may lead to a loopback address of central's host. */
  readonly alsoLocal: boolean;
  /** What is done where a message claims to be of somebody else. */
  readonly claims: ClaimMode;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly createdBy: string;
}
