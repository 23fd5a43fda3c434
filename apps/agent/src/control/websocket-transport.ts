import { openWebSocket, provenOrClosed } from "@tautline/link";
import {
  decodeFrame,
  encodeFrame,
  LIMITS,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { WebSocket } from "ws";
import { OPAMP_PATH } from "./opamp-path.ts";
import type { ControlTransport, OpenTransport, TransportEvents } from "./transport.ts";

const NORMAL_CLOSURE = 1000;
const PROTOCOL_ERROR = 1002;
/** How long central has to answer our close before the connection is cut. */
const CLOSE_TIMEOUT_MS = 2_000;
/** The frame's header is one byte. */
const MAX_FRAME_BYTES = LIMITS.opampMessageBytes.value + 1;

/**
 * OpAMP over one lasting WebSocket (opamp-spec 0.18, WebSocket transport): binary messages, each one frame.
 *
 * @throws link.* codes; link.refused carries what central answered instead of the upgrade
 */
export const openWebSocketTransport: OpenTransport = async (options) => {
  const { address, dial, events, signal, headers = {}, askTime } = options;
  const link = await dial(address, signal);
  const { socket, evidence } = link;
  const proof = await provenOrClosed(link, { address, path: OPAMP_PATH, signal });
  const question = askTime?.();
  const websocket = await openWebSocket({
    socket,
    path: OPAMP_PATH,
    host: address,
    headers: { ...headers, ...proof, ...question?.headers },
    onHeaders: (answered) => question?.answered(answered),
    maxMessageBytes: MAX_FRAME_BYTES,
    signal,
  });
  const closed = wire(websocket, address, events);
  const transport: ControlTransport = {
    address,
    evidence,
    // A failed send shows as "close".
    send: (bytes) => websocket.send(encodeFrame(bytes), () => {}),
    close: async () => {
      const cut = setTimeout(() => websocket.terminate(), CLOSE_TIMEOUT_MS);
      websocket.close(NORMAL_CLOSURE);
      await closed;
      clearTimeout(cut);
    },
  };
  return transport;
};

function wire(websocket: WebSocket, address: string, events: TransportEvents): Promise<void> {
  return new Promise((resolve) => {
    let broken: TautlineError | undefined;
    websocket.on("message", (data, isBinary) => {
      try {
        events.onMessage(readFrame(data, isBinary));
      } catch (error) {
        broken = toTautlineError(error);
        websocket.close(PROTOCOL_ERROR);
      }
    });
    websocket.on("error", (cause) => {
      const reason = (cause as NodeJS.ErrnoException).code ?? "the connection failed";
      broken ??= new TautlineError("link.broken", { cause, detail: { address, reason } });
    });
    websocket.on("close", (code, reason) => {
      const said =
        reason.length === 0 ? `code ${code}` : `code ${code}: ${reason.toString("utf8")}`;
      const detail = { address, reason: ` (${said})` };
      events.onClosed(broken ?? new TautlineError("agent.link_closed", { detail }));
      resolve();
    });
  });
}

function readFrame(data: WebSocket.RawData, isBinary: boolean): Uint8Array {
  if (isBinary && data instanceof Uint8Array) {
    return decodeFrame(data, LIMITS.opampMessageBytes.value);
  }
  throw new TautlineError("opamp.malformed", { detail: { reason: "it is not a binary message" } });
}
