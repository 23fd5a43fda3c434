import {
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
} from "@grpc/grpc-js";
import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServiceError,
  sendUnaryData,
} from "@grpc/grpc-js";

/** A call that a stand-in backend was given. */
export interface TakenCall {
  readonly message: Buffer;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A stand-in for a backend: it echoes, and remembers what it was told. */
export interface EchoBackend extends AsyncDisposable {
  readonly port: number;
  readonly taken: readonly TakenCall[];
}

/** Any service is only a path: what travels are bytes. */
const bytes = (value: Buffer): Buffer => value;
/** The two methods of the stand-in's service. */
export const ECHO = "/test.v1.Echo/Echo";
const CHAT = "/test.v1.Echo/Chat";

/** Starts an echoing backend by grpc-js on loopback. */
export async function startEcho(creds = ServerCredentials.createInsecure()): Promise<EchoBackend> {
  const taken: TakenCall[] = [];
  const server = new Server();
  const shape = {
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService(
    {
      Echo: { ...shape, path: ECHO, requestStream: false, responseStream: false },
      Chat: { ...shape, path: CHAT, requestStream: true, responseStream: true },
    },
    {
      Echo: (
        { request, metadata }: ServerUnaryCall<Buffer, Buffer>,
        answer: sendUnaryData<Buffer>,
      ) => {
        taken.push({ message: request, metadata: metadata.getMap() });
        const trailers = new Metadata();
        trailers.set("echo-trailer", "seen");
        answer(null, request, trailers);
      },
      Chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
        taken.push({ message: Buffer.alloc(0), metadata: call.metadata.getMap() });
        call.on("data", (message: Buffer) => call.write(message));
        call.on("end", () => call.end());
        call.on("error", () => {});
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", creds, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, taken, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

/** What came back of a call. */
export interface CallResult {
  /** Name of the gRPC status. */
  readonly status: string;
  readonly details: string;
  readonly message: Buffer | undefined;
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** A caller by grpc-js. */
export interface GrpcCaller extends Disposable {
  /** One unary call; `path` is the stand-in's own unless told. */
  call(
    text: string,
    headers?: Readonly<Record<string, string>>,
    path?: string,
  ): Promise<CallResult>;
  /** Opens a stream, waits until its first message came back, and tells how it ends. */
  chat(
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly ended: Promise<CallResult> }>;
}

/** A caller of `localhost` at a port. */
export function grpcCaller(port: number, creds: ChannelCredentials): GrpcCaller {
  const client = new Client(`localhost:${port}`, creds, { "grpc.enable_retries": 0 });
  return {
    call: (text, headers = {}, path = ECHO) =>
      new Promise((resolve) => {
        let message: Buffer | undefined;
        const deadline = Date.now() + 20_000;
        const call = client.makeUnaryRequest(
          path,
          bytes,
          bytes,
          Buffer.from(text),
          metadataOf(headers),
          { deadline },
          (_error: ServiceError | null, value) => (message = value),
        );
        call.on("status", (end) => resolve({ ...resultOf(end), message }));
      }),
    chat: (headers = {}) =>
      new Promise((resolve, reject) => {
        const call = client.makeBidiStreamRequest(CHAT, bytes, bytes, metadataOf(headers));
        const ended = new Promise<CallResult>((settle) => {
          call.on("status", (end) => settle({ ...resultOf(end), message: undefined }));
        });
        call.on("error", reject);
        call.once("data", () => resolve({ ended }));
        call.write(Buffer.from("first"));
      }),
    [Symbol.dispose]: () => client.close(),
  };
}

function resultOf({
  code,
  details,
  metadata,
}: {
  code: number;
  details: string;
  metadata: Metadata;
}) {
  return { status: status[code] ?? String(code), details, trailers: metadata.getMap() };
}

/** Credentials of grpc-js that trust a root, and show a certificate where there is one. */
export function tlsCredentials(root: Buffer, key?: Buffer, chain?: Buffer): ChannelCredentials {
  return credentials.createSsl(root, key ?? null, chain ?? null);
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}
