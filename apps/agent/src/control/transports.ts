import { openPollingTransport } from "./polling-transport.ts";
import type { OpenTransport } from "./transport.ts";
import { openWebSocketTransport } from "./websocket-transport.ts";

/** How OpAMP may travel; the words of `central.transport` in agent.yaml. */
export type TransportName = "websocket" | "polling";

const TRANSPORTS: Readonly<Record<TransportName, OpenTransport>> = {
  websocket: openWebSocketTransport,
  polling: openPollingTransport,
};

/**
 * The way to open a transport.
 *
 * @param name from the local settings
 */
export function openTransportFor(name: TransportName): OpenTransport {
  return TRANSPORTS[name];
}
