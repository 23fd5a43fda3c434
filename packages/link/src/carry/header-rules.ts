import type { IncomingHttpHeaders } from "node:http";

/** Headers as a flat list of names and values, in the order in which they came. */
export type RawHeaders = readonly string[];

/** What a header may not pass: it is about one connection, not about the call (RFC 9110 section 7.6.1, RFC 9113 section 8.2.2). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
  "host",
]);

const COLON = 58;

/** What may come once only: of several Node shows the first, and joins all others. */
const ONCE: ReadonlySet<string> = new Set([
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "from",
  "max-forwards",
  "range",
  "referer",
  "user-agent",
]);

/** How a request's headers are passed on. */
export interface RequestHeaderRules {
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly strip?: readonly string[] | undefined;
  /** Without it servers of gRPC refuse a call. */
  readonly isGrpc: boolean;
  readonly to: "h2" | "http/1.1";
}

/**
 * Chooses the headers of a request that go on: not those of one connection, not those that `Connection` names, not those that are to be
 * stripped or set anew, and no second one of a kind that may come once only: what was judged is what arrives.
 *
 * @param raw as they came, pseudo-headers too
 * @param headers the same, joined as Node joins them
 * @param rules what is set and stripped
 * @returns without pseudo-headers and Host; names in lower case
 */
export function requestHeaders(
  raw: RawHeaders,
  headers: IncomingHttpHeaders,
  { set, strip, isGrpc, to }: RequestHeaderRules,
): string[] {
  const isStripped = strippedNames(headers.connection, strip, set);
  const passed: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = lower(raw[at] ?? "");
    const value = raw[at + 1] ?? "";
    if (isOfConnection(name) || isStripped?.(name) === true) continue;
    if (ONCE.has(name) && headers[name] !== value) continue;
    passed.push(name, value);
  }
  if (to === "h2" && (isGrpc || headers.te === "trailers")) passed.push("te", "trailers");
  for (const name in set) passed.push(name, set[name] ?? "");
  return passed;
}

/**
 * Chooses the headers of an answer that go back.
 *
 * @param raw as they came, pseudo-headers too
 * @returns without pseudo-headers; names in lower case
 */
export function answerHeaders(raw: RawHeaders): string[] {
  const named = connectionNames(raw);
  const passed: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = lower(raw[at] ?? "");
    if (isOfConnection(name) || named.has(name)) continue;
    passed.push(name, raw[at + 1] ?? "");
  }
  return passed;
}

/**
 * Turns trailers into what Node sends: of a name that came twice, both values in a list.
 *
 * @param raw as they came
 */
export function trailersOf(raw: RawHeaders): Record<string, string | string[]> {
  const trailers: Record<string, string | string[]> = { __proto__: null as never };
  for (let at = 0; at < raw.length; at += 2) {
    const name = lower(raw[at] ?? "");
    const value = raw[at + 1] ?? "";
    const before = trailers[name];
    if (before === undefined) trailers[name] = value;
    else trailers[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return trailers;
}

/**
 * Tells whether a path is one that means the same to whoever judges it and to whoever serves it: it begins with a slash, and no segment
 * of it leads elsewhere.
 *
 * @param target `:path`, or the target of an HTTP/1.1 request
 */
export function isPlainPath(target: string): boolean {
  const [path = ""] = target.split("?", 1);
  if (!/^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(path)) return false;
  if (!/^[\x21\x22\x24-\x7e]*$/.test(target)) return false;
  return !/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}

/** A pseudo-header begins with a colon. */
function isOfConnection(name: string): boolean {
  return name.charCodeAt(0) === COLON || HOP_BY_HOP.has(name);
}

function strippedNames(
  connection: string | undefined,
  strip: readonly string[] | undefined,
  set: Readonly<Record<string, string>> | undefined,
): ((name: string) => boolean) | undefined {
  if (connection === undefined && strip === undefined && set === undefined) return undefined;
  const named = connection === undefined ? NONE : listed(connection);
  const exact = new Set(strip?.filter((name) => !name.endsWith("*")));
  for (const name in set) exact.add(name);
  const starts = (strip ?? []).flatMap((name) => (name.endsWith("*") ? [name.slice(0, -1)] : []));
  return (name) =>
    named.has(name) || exact.has(name) || starts.some((start) => name.startsWith(start));
}

function connectionNames(raw: RawHeaders): ReadonlySet<string> {
  for (let at = 0; at < raw.length; at += 2) {
    if (lower(raw[at] ?? "") === "connection") return listed(raw[at + 1] ?? "");
  }
  return NONE;
}

const NONE: ReadonlySet<string> = new Set();

function listed(value: string): ReadonlySet<string> {
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

function lower(name: string): string {
  return name.toLowerCase();
}
