import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import {
  type CallRecord,
  type CarrierLimits,
  createCarrier,
  createUpstreams,
  type UpstreamPlace,
} from "@tautline/link";

/** A port that leads to a backend through a carrier. */
export interface CarriedWay extends AsyncDisposable {
  readonly port: number;
  /** What was told of the calls that are over. */
  readonly records: CallRecord[];
}

/**
 * Carries every call that comes to a port of loopback to a backend, without TLS on either side.
 *
 * @param to ports of this host, in their order
 * @param limits other than usual
 */
export async function startCarriedWay(
  to: readonly number[],
  limits: Partial<CarrierLimits> = {},
): Promise<CarriedWay> {
  const records: CallRecord[] = [];
  const upstreams = createUpstreams({
    places: to.map((port) => placeAt(port)),
    protocol: "h2",
    now,
    random: Math.random,
  });
  const carrier = createCarrier<undefined>({
    judge: () => ({ to: upstreams }),
    onCall: (record) => void records.push(record),
    limits,
    now,
  });
  const server = createServer((socket) => {
    carrier.serve(socket, undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    records,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await carrier.stop(0);
      await upstreams.stop(0);
    },
  };
}

function placeAt(port: number): UpstreamPlace {
  return {
    name: `backend-${port}`,
    authority: `127.0.0.1:${port}`,
    scheme: "http",
    connect: async (signal) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, signal });
      await once(socket, "connect");
      return socket;
    },
  };
}

function now(): number {
  return performance.now();
}
