import { isTautlineError, TautlineError } from "@tautline/protocol";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens on its port",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "it did not answer in time",
  EHOSTUNREACH: "there is no way to its host",
  ENETUNREACH: "there is no way to its network",
  EADDRNOTAVAIL: "central's host has no address to reach it from",
  EACCES: "central's host does not let this connection out",
  EPERM: "central's host does not let this connection out",
  ENOTFOUND: "its name is not known",
  ENODATA: "its name has no address",
  EAI_AGAIN: "its name could not be looked up now",
  EMFILE: "central has no file descriptor left",
  ENFILE: "central's host has no file descriptor left",
};

/**
 * Says why a target was not reached, without its address: an agent knows names of forwards and nothing of central's network.
 *
 * @param name of the forward
 * @param cause what the lookup or the last try reported; kept for central's log
 * @returns forward.target_unreachable
 */
export function unreachable(name: string, cause: unknown): TautlineError {
  const detail = { name, reason: reasonOf(cause) };
  return new TautlineError("forward.target_unreachable", { detail, cause });
}

function reasonOf(error: unknown): string {
  const inner = isTautlineError(error) ? error.cause : error;
  const code = inner instanceof Error ? Reflect.get(inner, "code") : undefined;
  return (typeof code === "string" ? REASONS[code] : undefined) ?? "the connection failed";
}
