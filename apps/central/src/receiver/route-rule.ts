import { TautlineError } from "@tautline/protocol";
import type { Backend, BackendProtocol } from "./backend.ts";

/** The most characters of a route, and the most routes of a backend. */
export const ROUTE_LIMITS = { characters: 200, routes: 64 } as const;

/** Segments of letters, digits and marks that mean themselves in a path (RFC 3986 section 2.3), with one star at the very end. */
const ROUTE = /^(?:\/[A-Za-z0-9._~-]+)*(?:\/\*?|(?<=[A-Za-z0-9_~-])\.\*)?$/;

/**
 * Reads a route; refuses and never normalises.
 *
 * @param text `/package.Service/Method`, `/package.Service/*`, `/package.*`, `/v1/traces`: with a star it stands for all that begin so
 * @throws value.backend_route
 */
export function parseRoute(text: string): string {
  const refuse = (reason: string): never => {
    throw new TautlineError("value.backend_route", { detail: { text, reason } });
  };
  if (text.length > ROUTE_LIMITS.characters) {
    return refuse(`it is longer than ${ROUTE_LIMITS.characters} characters`);
  }
  if (!text.startsWith("/")) return refuse("it does not begin with a slash");
  if (text === "/" || text === "/*") return refuse("it stands for everything");
  if (!ROUTE.test(text)) return refuse("it has what no such path has, or a star inside");
  if (hasDots(text)) return refuse("it has a segment of dots");
  return text;
}

/**
 * Finds the backend that takes a call: that of the longest route, else the one without routes. Pure.
 *
 * A path that a server might read as another one (dots, doubled slashes, escapes that stand for either) is taken by nobody: what was
 * judged has to be what is served.
 *
 * @param backends every one there is
 * @param call the path as it came, and what it speaks
 * @throws receiver.no_backend
 */
export function backendFor<One extends Pick<Backend, "protocol" | "routes">>(
  backends: readonly One[],
  { path, protocol }: { readonly path: string; readonly protocol: BackendProtocol },
): One {
  const [plain = ""] = path.split("?", 1);
  const able = backends.filter((each) => each.protocol === protocol);
  const found = isPlain(plain) ? (longest(able, plain) ?? defaultOf(able)) : undefined;
  if (found !== undefined) return found;
  throw new TautlineError("receiver.no_backend", { detail: { path: plain.slice(0, MOST_TOLD) } });
}

/** Of a caller's own path, told back. */
const MOST_TOLD = 200;
/** A slash, a backslash or a dot in another spelling. */
const HIDDEN = /%(?:2e|2f|5c|00)/i;

function isPlain(path: string): boolean {
  const isOne = path.startsWith("/") && !path.includes("//") && !path.includes("\\");
  return isOne && !HIDDEN.test(path) && !hasDots(path);
}

function hasDots(path: string): boolean {
  return path.split("/").some((segment) => segment === "." || segment === "..");
}

function longest<One extends Pick<Backend, "routes">>(
  backends: readonly One[],
  path: string,
): One | undefined {
  let best: { readonly backend: One; readonly length: number } | undefined;
  for (const backend of backends) {
    for (const route of backend.routes) {
      if (!covers(route, path)) continue;
      if (best === undefined || route.length > best.length)
        best = { backend, length: route.length };
    }
  }
  return best?.backend;
}

function covers(route: string, path: string): boolean {
  if (route.endsWith("*")) return path.startsWith(route.slice(0, -1));
  return (
    path === route ||
    (path.startsWith(route) && (route.endsWith("/") || path[route.length] === "/"))
  );
}

function defaultOf<One extends Pick<Backend, "routes">>(backends: readonly One[]): One | undefined {
  return backends.find(({ routes }) => routes.length === 0);
}

/**
 * Says what two backends would both take.
 *
 * @param one a backend
 * @param other a backend
 * @returns a route, "" for what no route names, or undefined where they do not meet
 */
export function sharedRoute(
  one: Pick<Backend, "protocol" | "routes">,
  other: Pick<Backend, "protocol" | "routes">,
): string | undefined {
  if (one.protocol !== other.protocol) return undefined;
  if (one.routes.length === 0 && other.routes.length === 0) return "";
  return one.routes.find((route) => other.routes.includes(route));
}
