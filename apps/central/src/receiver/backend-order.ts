import { certificatesFromPem } from "@tautline/pki";
import { isForwardName, isHostPort, type Level, LEVELS, TautlineError } from "@tautline/protocol";
import { parseForwardTarget, permittedAddresses } from "../forwards/target-rule.ts";
import type { ReceiverBackendTable } from "../store/receiver-tables.ts";
import type { BackendProtocol, BackendTrust } from "./backend.ts";
import type { ClaimMode } from "./claims/claim.ts";
import { forbiddenBackend } from "./backend-failure.ts";
import { parseRoute, ROUTE_LIMITS } from "./route-rule.ts";

/** A backend that somebody asks for. */
export interface BackendOrder {
  readonly name: string;
  readonly targets: readonly string[];
  readonly protocol: BackendProtocol;
  readonly routes: readonly string[];
  readonly tls: BackendTrust;
  /** PEM of authorities, or pins; empty where neither is needed. */
  readonly trust: string;
  readonly levels: readonly Level[];
  /** Undefined for every one. */
  readonly namespace?: string | undefined;
  readonly requireToken: boolean;
  readonly anonymous: boolean;
  readonly alsoLocal: boolean;
  readonly claims: ClaimMode;
  readonly actor: string;
}

/** The most places of a backend. */
export const MOST_TARGETS = 8;
/** No address is central's own while nothing is dialled: ports move, so that is judged at each dial. */
const NOWHERE = { ports: () => [], addresses: () => [] };
const MOST_PINS = 4;

/**
 * Reads what a backend is to be; what could never work is refused now and not at the first call.
 *
 * @param order as it was asked for
 * @param atMs milliseconds since 1970
 * @throws value.receiver_name, value.backend_target, value.backend_route, receiver.backend_forbidden, api.invalid
 */
export function rowOfOrder(order: BackendOrder, atMs: number): ReceiverBackendTable {
  const name = parseReceiverName(order.name);
  return {
    name,
    targets: parseTargets(name, order).join(","),
    protocol: order.protocol,
    routes: parseRoutes(order.routes).join(" "),
    tls: order.tls,
    trust: parseTrust(order),
    levels: LEVELS.filter((level) => order.levels.includes(level)).join(","),
    namespace: order.namespace ?? "",
    require_token: order.requireToken ? 1 : 0,
    anonymous: order.anonymous ? 1 : 0,
    also_local: order.alsoLocal ? 1 : 0,
    claims: order.claims,
    created_at: atMs,
    created_by: order.actor,
  };
}

/**
 * Reads the name of a backend or of a client: a DNS label.
 *
 * @param text any text
 * @throws value.receiver_name
 */
export function parseReceiverName(text: string): string {
  if (!isForwardName(text)) throw new TautlineError("value.receiver_name", { detail: { text } });
  return text;
}

function parseTargets(name: string, { targets, alsoLocal }: BackendOrder): readonly string[] {
  const text = targets.join(",");
  const isEachOnce = new Set(targets).size === targets.length;
  const isRight = targets.length > 0 && targets.length <= MOST_TARGETS && isEachOnce;
  if (!isRight || !targets.every(isHostPort)) {
    throw new TautlineError("value.backend_target", { detail: { text } });
  }
  for (const each of targets) {
    const target = { ...parseForwardTarget(each), alsoLocal };
    if (!target.isAddress) continue;
    try {
      permittedAddresses(name, target, [target.host], NOWHERE);
    } catch (error) {
      throw forbiddenBackend(name, error);
    }
  }
  return targets;
}

function parseRoutes(routes: readonly string[]): readonly string[] {
  if (routes.length > ROUTE_LIMITS.routes) {
    throw invalid("routes", `more than ${ROUTE_LIMITS.routes} routes`);
  }
  return [...new Set(routes.map(parseRoute))];
}

function parseTrust({ tls, trust }: BackendOrder): string {
  if (tls === "off" || tls === "system") {
    if (trust !== "") throw invalid("trust", "it belongs to an authority's file or to a pin");
    return "";
  }
  return tls === "ca" ? parseAuthorities(trust) : parsePins(trust);
}

function parseAuthorities(trust: string): string {
  try {
    if (certificatesFromPem(trust).length > 0) return trust;
  } catch {
    // Said below, as of a file without any.
  }
  throw invalid("trust", "it holds no certificate of an authority in PEM");
}

function parsePins(trust: string): string {
  const pins = trust.split(",").map(pinOf);
  if (pins.length <= MOST_PINS && pins.every((pin) => pin !== undefined)) return pins.join(",");
  const reason = `a pin is the SHA-256 of a key's SPKI, in hexadecimal or base64; at most ${MOST_PINS}`;
  throw invalid("trust", reason);
}

/** In base64url, the way it is kept. */
function pinOf(text: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex").toString("base64url");
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  return Buffer.from(text, "base64url").toString("base64url");
}

function invalid(path: string, reason: string): TautlineError {
  return new TautlineError("api.invalid", { detail: { path, reason } });
}
