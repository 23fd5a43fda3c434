import type { Duplex } from "node:stream";
import {
  dialByFiles,
  type InnerProtocol,
  type ServerTrust,
  systemAuthorities,
} from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import { dialTarget, type LookupAll } from "../forwards/dial-target.ts";
import { FORWARD_LIMITS } from "../forwards/forward-limits.ts";
import type { OwnPlaces } from "../forwards/own-places.ts";
import { parseForwardTarget } from "../forwards/target-rule.ts";
import type { Backend } from "./backend.ts";
import { unreachedBackend } from "./backend-failure.ts";

/** What connecting to a backend needs. */
export interface ConnectDeps {
  readonly own: OwnPlaces;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The system's own way unless told. */
  readonly lookup?: LookupAll | undefined;
}

/** Which place of which backend. */
export interface BackendPlace {
  readonly backend: Pick<Backend, "name" | "protocol" | "tls" | "trust" | "alsoLocal">;
  /** "host:port" as it was added. */
  readonly target: string;
}

/**
 * Connects to one place of a backend: to an address that was judged (DESIGN promise 9), and by TLS where that was asked for; the
 * server is then proven before one byte is sent.
 *
 * @param deps where central listens, clock, lookup
 * @param place which
 * @param signal calls it off
 * @throws receiver.backend_forbidden, receiver.backend_unreachable, and the signal's reason
 */
export async function connectBackend(
  { own, now, lookup }: ConnectDeps,
  { backend, target }: BackendPlace,
  signal: AbortSignal,
): Promise<Duplex> {
  const { name, alsoLocal, protocol, tls } = backend;
  try {
    const allowance = { name, target, alsoLocal, proxyProtocol: false };
    const { socket } = await dialTarget(allowance, { own, signal, lookup });
    if (tls === "off") return socket;
    const { host, port } = parseForwardTarget(target);
    const timeoutMs = FORWARD_LIMITS.dialMs;
    const inner: InnerProtocol = protocol === "grpc" ? "h2" : "http/1.1";
    const trust = trustOf(backend);
    const dialled = { host, port, socket, timeoutMs, signal, trust, protocol: inner, now };
    return (await dialByFiles(dialled)).socket;
  } catch (error) {
    signal.throwIfAborted();
    throw unreachedBackend(name, error);
  }
}

function trustOf({ tls, trust }: Pick<Backend, "tls" | "trust">): ServerTrust {
  if (tls === "pin") {
    const pins = trust.split(",").map((pin) => Buffer.from(pin, "base64url"));
    return { authorities: undefined, pins };
  }
  const authorities = tls === "ca" ? certificatesFromPem(trust) : systemAuthorities();
  return { authorities, pins: [] };
}
