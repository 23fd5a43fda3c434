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

/**
 * Says why a backend was not reached, in its own words and without its address.
 *
 * @param name of the backend
 * @param error whatever the dial threw
 * @returns receiver.backend_forbidden or receiver.backend_unreachable
 */
export function unreachedBackend(name: string, error: unknown): unknown {
  const forbidden = forbiddenBackend(name, error);
  if (forbidden !== error) return forbidden;
  if (!isTautlineError(error)) {
    const reason = "the connection failed";
    return new TautlineError("receiver.backend_unreachable", {
      detail: { name, reason },
      cause: error,
    });
  }
  const told = error.detail["reason"];
  const isOurs = error.code === "forward.target_unreachable" && typeof told === "string";
  const reason = isOurs ? told : error.message.replace(/\.$/, "");
  return new TautlineError("receiver.backend_unreachable", {
    detail: { name, reason },
    cause: error,
  });
}
