import { isTautlineError, TautlineError } from "@tautline/protocol";

/**
 * Says of a refused place of a backend why; the rule is that of forwards, and so is what it throws.
 *
 * @param name of the backend
 * @param error as the rule threw it
 * @returns receiver.backend_forbidden, or what else it was
 */
export function forbiddenBackend(name: string, error: unknown): unknown {
  if (!isTautlineError(error) || error.code !== "forward.target_forbidden") return error;
  const { reason = "", addresses = "" } = error.detail;
  const detail = { name, reason, addresses };
  return new TautlineError("receiver.backend_forbidden", { detail, cause: error });
}

/** What callers may know of a backend that is there and cannot be proven, or does not speak what it should. */
const REASONS: Readonly<Record<string, string>> = {
  "link.server_unproven": "its TLS certificate cannot be proven",
  "link.server_unnamed": "its TLS certificate has no name that counts",
  "link.server_too_old": "it has no version of TLS, or no suite, in common with central",
  "link.not_tls": "it does not speak TLS",
  "link.timeout": "it did not finish TLS in time",
  "link.handshake_cut": "it closed the connection in the handshake of TLS",
  "link.system_store_empty": "central's host trusts no authority",
};

/**
 * Says why a backend was not reached, in its own words and without its address: callers are told it. What the address was stands in the
 * cause, for operators.
 *
 * @param name of the backend
 * @param error whatever the dial threw
 * @returns receiver.backend_forbidden or receiver.backend_unreachable
 */
export function unreachedBackend(name: string, error: unknown): unknown {
  const forbidden = forbiddenBackend(name, error);
  if (forbidden !== error) return forbidden;
  const detail = { name, reason: reasonOf(error) };
  return new TautlineError("receiver.backend_unreachable", { detail, cause: error });
}

function reasonOf(error: unknown): string {
  if (!isTautlineError(error)) return "the connection failed";
  const { code, detail } = error;
  const told = code === "forward.target_unreachable" ? detail["reason"] : REASONS[code];
  return typeof told === "string" ? told : "the handshake of TLS failed";
}

/**
 * Says for operators why a place of a backend is out.
 *
 * @param error as its last dial failed
 */
export function whyOut(error: TautlineError): string {
  const { cause } = error;
  const isMore = isTautlineError(cause) && cause.code.startsWith("link.");
  return isMore ? `${error.message} ${cause.message}` : error.message;
}
