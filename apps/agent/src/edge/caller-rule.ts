import { type CallHead, judgeLocalRequest } from "@tautline/link";
import { isLocal, type ListenAddress } from "../forwards/listen-address.ts";

/**
 * Judges who calls the edge: programs, and not a web page in somebody's browser on this host, which reaches loopback too (DNS
 * rebinding). Over a Unix socket no browser comes; where the edge is open, callers name this host as they know it.
 *
 * @param head of the call
 * @param address where the edge listens
 * @returns what is wrong with it, for people; undefined where nothing is
 */
export function judgeCaller(
  { headers, authority }: Pick<CallHead, "headers" | "authority">,
  address: ListenAddress,
): string | undefined {
  const { origin } = headers;
  const isNamed = address.kind === "tcp" && isLocal(address);
  return judgeLocalRequest({ host: isNamed ? hostOf(authority) : "localhost", origin });
}

/** The rest of 127.0.0.0/8 is this host as well. */
function hostOf(authority: string): string | undefined {
  if (authority === "") return undefined;
  return authority.replace(/^127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?=$|:)/, "127.0.0.1");
}
