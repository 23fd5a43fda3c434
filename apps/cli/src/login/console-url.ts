import type { HostPort } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";

const DEFAULT_PORT = 8443;

/**
 * Reads the address of a console port.
 *
 * @param text `https://HOST[:PORT]`; 8443 unless told
 * @returns host (an IPv6 address without its brackets) and port
 * @throws cli.console_url
 */
export function parseConsoleUrl(text: string): HostPort {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !text.includes("://")) throw refused(text, "it is no URL");
  if (url.protocol !== "https:") throw refused(text, "it does not start with https://");
  if (url.username !== "" || url.password !== "") {
    throw refused("https://…", "it holds a user or password");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw refused(text, "something follows the port");
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: portOf(text, url) };
}

/** A URL forgets a port that is the usual one of https. */
function portOf(text: string, { port }: URL): number {
  if (port !== "") return Number(port);
  return /:0*443\/?$/.test(text) ? 443 : DEFAULT_PORT;
}

function refused(text: string, reason: string): TautlineError {
  return new TautlineError("cli.console_url", { detail: { text, reason } });
}
