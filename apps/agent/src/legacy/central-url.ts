import { formatHostPort, parseHostPort } from "@tautline/link";
import { isTautlineError, TautlineError, type Level } from "@tautline/protocol";
import { AGENTS_PORT, PLAINTEXT_PORT } from "../control/dial-way.ts";
import { OPAMP_PATH } from "../control/opamp-path.ts";

const URL_SHAPE = /^(?:(?<scheme>wss?|https?):\/\/)?(?<place>[^\s/@?#\\]{1,300})(?<path>\/\S*)?$/i;

/**
 * Reads where an agent without an identity is told to dial. The level alone decides how; the scheme is what people have in old files.
 *
 * @param text host, host:port, or ws://, wss://, http:// or https:// with host and, if not the usual one, port
 * @param level decides on the usual port, and refuses a scheme that promises more
 * @returns "host:port"
 * @throws agent.central_url
 */
export function parseCentralUrl(text: string, level: Level): string {
  const { scheme = "", place = "", path = "/" } = URL_SHAPE.exec(text)?.groups ?? {};
  if (place === "") throw refused(text, "it is no host with or without a port");
  if (path !== "/" && path !== OPAMP_PATH)
    throw refused(text, "there is something behind the port");
  if (level === "plaintext" && /^(?:wss|https)$/i.test(scheme)) {
    throw refused(text, "it promises TLS, and the level is plaintext");
  }
  try {
    const { host, port } = parseHostPort(
      place,
      level === "plaintext" ? PLAINTEXT_PORT : AGENTS_PORT,
    );
    return formatHostPort(host, port);
  } catch (error) {
    throw refused(
      text,
      isTautlineError(error) ? String(error.detail["reason"]) : "it is malformed",
    );
  }
}

function refused(text: string, reason: string): TautlineError {
  return new TautlineError("agent.central_url", { detail: { text, reason } });
}
