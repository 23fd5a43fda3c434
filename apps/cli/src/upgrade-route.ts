import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { openForward, refusalCode } from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { formatTarget, type Target, type Way } from "./client.ts";
import { requestName } from "./http-exchange.ts";
import { adminSocketPath, explainTransport } from "./socket-transport.ts";

const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Opens a route whose connection goes over to a forward's frames, with the same login as every other.
 *
 * @param way which central
 * @param target the route
 * @param signal calls it off
 * @returns the connection, from which nothing was read yet
 * @throws as every call of an AdminClient; link.*
 */
export async function openUpgrade(way: Way, target: Target, signal: AbortSignal): Promise<Duplex> {
  const path = formatTarget(target);
  const { socket, host, headers } = await dial(way, path);
  try {
    const limits = { timeoutMs: ANSWER_TIMEOUT_MS, signal };
    return await openForward({ socket, host, path, headers, direction: "out", ...limits });
  } catch (error) {
    throw isTautlineError(error) && error.code === "link.refused" ? asRefusal(error, path) : error;
  }
}

interface Dialled {
  readonly socket: Duplex;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function dial(way: Way, path: string): Promise<Dialled> {
  if ("place" in way) {
    const socket = connect({ path: adminSocketPath(way.place), allowHalfOpen: true });
    try {
      await once(socket, "connect");
    } catch (cause) {
      throw explainTransport(cause, { method: "GET", path }, way.place);
    }
    return { socket: socket.on("error", () => {}), host: "localhost", headers: {} };
  }
  const { dialContext } = await import("./contexts/context-transport.ts");
  const { chosen, patience } = way;
  const socket = await dialContext(chosen, patience);
  const headers = { authorization: `Bearer ${chosen.token}` };
  return { socket: socket.on("error", () => {}), host: `${chosen.host}:${chosen.port}`, headers };
}

/** In central's own words, as every other refusal of it is shown. */
function asRefusal(error: TautlineError, path: string): TautlineError {
  const { status, text, remedy } = error.detail;
  const code = refusalCode(error);
  return new TautlineError("cli.central_refused", {
    cause: { detail: text, remedy, status, ...(code !== undefined && { code }) },
    detail: { request: requestName({ method: "GET", path }), status: Number(status) },
  });
}
