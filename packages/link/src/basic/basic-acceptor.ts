import { createServer, type Server, type Socket } from "node:net";
import { type TautlineError, toTautlineError } from "@tautline/protocol";
import { formatHostPort } from "../addresses.ts";
import { createGatedServer, HANDSHAKE_LEASE_MS, type HandshakeGate } from "../handshake-gate.ts";
import { spentMs } from "../sniff/opening-time.ts";
import { acceptBasic, type AcceptBasicOptions, type AcceptedBasicLink } from "./accept-basic.ts";

/** What the accepting end of the level `basic` needs, for any number of connections. */
export interface BasicAcceptorOptions extends Pick<AcceptBasicOptions, "findKeys" | "now"> {
  readonly handshakeTimeoutMs: number;
  /** Asked before anything is spent on a connection; without one every handshake begins at once. */
  readonly gate?: HandshakeGate | undefined;
  /** The key is proven. */
  readonly onSecured: (link: AcceptedBasicLink) => void;
  /** A connection failed before that; it is closed already. `address` is "host:port", `remoteAddress` the host alone. */
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/**
 * Makes the accepting end of the level `basic`.
 *
 * @param options keys, limits, and who is told
 * @returns a server that does not listen: hand it connections with `emit("connection", socket)`
 */
export function createBasicAcceptor(options: BasicAcceptorOptions): Server {
  const { gate, handshakeTimeoutMs: timeoutMs } = options;
  if (gate === undefined) return createServer((socket) => void secure(socket, options, () => {}));
  const gated = createGatedServer({
    gate,
    timeoutMs,
    leaseMs: HANDSHAKE_LEASE_MS,
    now: options.now,
    secure: (socket) => void secure(socket, options, (from) => gated.over(from)),
    onFailed: options.onFailed,
  });
  return gated.server;
}

type From = Pick<Socket, "remoteAddress" | "remotePort">;

/** Never rejects. */
async function secure(
  socket: Socket,
  { findKeys, now, handshakeTimeoutMs, onSecured, onFailed }: BasicAcceptorOptions,
  onOver: (from: From) => void,
): Promise<void> {
  // Kept: of a socket that was closed nothing is known any more.
  const { remoteAddress = "unknown", remotePort = 0 } = socket;
  const address = formatHostPort(remoteAddress, remotePort);
  const timeoutMs = Math.max(1, handshakeTimeoutMs - spentMs(socket, now()));
  try {
    const link = await acceptBasic(socket, { findKeys, now, address, timeoutMs });
    onOver({ remoteAddress, remotePort });
    onSecured(link);
  } catch (error) {
    onOver({ remoteAddress, remotePort });
    socket.destroy();
    try {
      onFailed(toTautlineError(error), address, remoteAddress);
    } catch {
      // Whoever reports failures has nobody left to report its own to; the connection is closed already.
    }
  }
}
