import { EventEmitter, on } from "node:events";
import {
  Server,
  ServerCredentials,
  type Metadata,
  type sendUnaryData,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { EXPORT_TRACES } from "./otlp-messages.ts";
import { PING, PROPERTIES, SEGMENT } from "./skywalking-messages.ts";
import { type MessageShape, type ReadMessage, readMessage } from "./wire-reader.ts";

/** One message that arrived, decoded whole. */
export interface Arrived {
  /** "TraceSegmentReportService/collect" and the like. */
  readonly method: string;
  readonly message: ReadMessage;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A stand-in for a backend of telemetry, by grpc-js: it knows SkyWalking's services, and takes OTLP's. */
export interface TelemetryBackend extends AsyncDisposable {
  readonly port: number;
  readonly arrived: readonly Arrived[];
  /** Waits for a message that matches, among those that have arrived too. */
  waitFor(matches: (one: Arrived) => boolean): Promise<Arrived>;
}

/** No field set, a valid answer to every call (requirements 5.3). */
const EMPTY = Buffer.alloc(0);
const OTLP = "opentelemetry.proto.collector.trace.v1.TraceService";

/**
 * Starts one.
 *
 * @param port to listen on at loopback; any free one unless told
 */
export async function startTelemetryBackend(port = 0): Promise<TelemetryBackend> {
  const arrived: Arrived[] = [];
  const news = new EventEmitter();
  const server = new Server();
  const take = (method: string, message: ReadMessage, metadata: Metadata): void => {
    arrived.push({ method, message, metadata: metadata.getMap() });
    news.emit("arrived");
  };
  const services: Readonly<Record<string, Readonly<Record<string, [boolean, MessageShape]>>>> = {
    "skywalking.v3.TraceSegmentReportService": { collect: [true, SEGMENT] },
    [OTLP]: { Export: [false, EXPORT_TRACES] },
    "skywalking.v3.ManagementService": {
      reportInstanceProperties: [false, PROPERTIES],
      keepAlive: [false, PING],
    },
  };
  for (const [service, methods] of Object.entries(services)) {
    addService(server, service, methods, take);
  }
  const bound = await new Promise<number>((resolve, reject) => {
    const address = `127.0.0.1:${port}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, taken) =>
      error === null ? resolve(taken) : reject(error),
    );
  });
  return {
    port: bound,
    arrived,
    waitFor: async (matches) => {
      const news_ = on(news, "arrived");
      try {
        for (;;) {
          const found = arrived.find(matches);
          if (found !== undefined) return found;
          await news_.next();
        }
      } finally {
        await news_.return?.();
      }
    },
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

type Take = (method: string, message: ReadMessage, metadata: Metadata) => void;

function addService(
  server: Server,
  service: string,
  methods: Readonly<Record<string, [boolean, MessageShape]>>,
  take: Take,
): void {
  const names = Object.entries(methods);
  const definition = Object.fromEntries(
    names.map(([name, [requestStream, shape]]) => [
      name,
      {
        path: `/${service}/${name}`,
        requestStream,
        responseStream: false,
        requestSerialize: (): Buffer => EMPTY,
        requestDeserialize: (bytes: Buffer) => readMessage(bytes, shape),
        responseSerialize: (): Buffer => EMPTY,
        responseDeserialize: (): undefined => undefined,
      },
    ]),
  ) satisfies ServiceDefinition;
  const short = service.split(".").at(-1) ?? service;
  const handlers = Object.fromEntries(
    names.map(([name, [isStream]]) => {
      const method = `${short}/${name}`;
      return [name, isStream ? streamed(method, take) : unary(method, take)];
    }),
  );
  server.addService(definition, handlers);
}

function unary(method: string, take: Take) {
  return (call: ServerUnaryCall<ReadMessage, unknown>, answer: sendUnaryData<unknown>): void => {
    take(method, call.request, call.metadata);
    answer(null, {});
  };
}

/** As a backend does: it answers once its caller has said everything. */
function streamed(method: string, take: Take) {
  return (
    call: ServerReadableStream<ReadMessage, unknown>,
    answer: sendUnaryData<unknown>,
  ): void => {
    call.on("data", (message: ReadMessage) => take(method, message, call.metadata));
    call.on("error", () => {});
    call.on("end", () => answer(null, {}));
  };
}
