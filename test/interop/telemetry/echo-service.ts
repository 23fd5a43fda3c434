import { EventEmitter, once } from "node:events";
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServerUnaryCall,
} from "@grpc/grpc-js";

/** The four shapes of a call, with bytes as messages: what is in them is the programs' affair. */
export const ECHO_METHODS = {
  unary: method("unary", false, false),
  collect: method("collect", true, false),
  repeat: method("repeat", false, true),
  talk: method("talk", true, true),
} as const;

/** What the backend saw of the last call that was cancelled or late. */
export interface EchoBackend extends AsyncDisposable {
  readonly port: number;
  /** Resolves when the next call of this method has been cancelled. */
  cancelled(method: keyof typeof ECHO_METHODS): Promise<void>;
}

/**
 * Starts a server of gRPC as others write them, on loopback without TLS.
 *
 * It answers with what it got. Metadata that begins with "x-" comes back, `x-fail` as status and trailers; `x-wait` never answers.
 */
export async function startEchoBackend(): Promise<EchoBackend> {
  const cancels = new EventEmitter();
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  const onCancelled = (
    call: { on(event: "cancelled", listener: () => void): unknown },
    name: string,
  ): void => {
    call.on("cancelled", () => cancels.emit(name));
  };
  const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    onCancelled(call, "unary");
    call.sendMetadata(echoed(call.metadata));
    if (waits(call)) return;
    const failure = failureOf(call);
    if (failure !== undefined) return done(failure);
    done(null, call.request, trailersOf(call.metadata));
  };
  const repeat: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    onCancelled(call, "repeat");
    call.sendMetadata(echoed(call.metadata));
    for (let at = 0; at < 10; at += 1) call.write(Buffer.concat([Buffer.from([at]), call.request]));
    if (!waits(call)) call.end(trailersOf(call.metadata));
  };
  const talk: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    onCancelled(call, "talk");
    call.sendMetadata(echoed(call.metadata));
    call.on("data", (part: Buffer) => {
      const details = "told to: 50 % é";
      const failure = { code: status.ABORTED, details, metadata: trailersOf(call.metadata) };
      if (part.toString() === "fail") call.emit("error", failure);
      else call.write(part);
    });
    call.on("end", () => call.end(trailersOf(call.metadata)));
  };
  server.addService(ECHO_METHODS, { unary, collect, repeat, talk });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    cancelled: async (method) => void (await once(cancels, method)),
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

const collect: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  const parts: Buffer[] = [];
  call.on("data", (part: Buffer) => parts.push(part));
  call.on("end", () => done(null, Buffer.concat(parts), trailersOf(call.metadata)));
};

function waits(call: { readonly metadata: Metadata }): boolean {
  return call.metadata.get("x-wait").length > 0;
}

function failureOf(
  call: ServerUnaryCall<Buffer, Buffer>,
): { code: number; details: string; metadata: Metadata } | undefined {
  const [code] = call.metadata.get("x-fail");
  if (code === undefined) return undefined;
  return { code: Number(code), details: "told to: 50 % é", metadata: trailersOf(call.metadata) };
}

function echoed(metadata: Metadata): Metadata {
  const back = new Metadata();
  for (const name of Object.keys(metadata.getMap())) {
    if (!name.startsWith("x-")) continue;
    for (const value of metadata.get(name)) back.add(name, value);
  }
  return back;
}

function trailersOf(metadata: Metadata): Metadata {
  const trailers = new Metadata();
  for (const value of metadata.get("x-bytes-bin")) trailers.add("t-bytes-bin", value);
  for (const value of metadata.get("x-twice")) trailers.add("t-twice", value);
  return trailers;
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function method(
  name: string,
  requestStream: boolean,
  responseStream: boolean,
): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}
