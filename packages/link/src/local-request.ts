import type { IncomingHttpHeaders } from "node:http";

const OWN_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?$/i;

/**
 * Judges a request on a port that is for this host alone. A web page can make the browser of somebody on this host call such a
 * port, by a name of its own that it lets point here (DNS rebinding): such calls carry that name as Host, or an Origin.
 *
 * @param headers of the request
 * @returns what is wrong with it, for people; undefined where nothing is
 */
export function judgeLocalRequest({
  host,
  origin,
}: Pick<IncomingHttpHeaders, "host" | "origin">): string | undefined {
  if (origin !== undefined) return "it has the header Origin, which browsers send";
  if (host === undefined) return "it has no header Host";
  if (!OWN_HOST.test(host)) return "its header Host names another host";
  return undefined;
}
