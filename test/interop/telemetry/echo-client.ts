import { type ChannelCredentials, Client, Metadata, type StatusObject } from "@grpc/grpc-js";
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { ECHO_METHODS } from "./echo-service.ts";

/** All that a program sees of one call. */
export interface Seen {
  readonly messages: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly details: string;
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** What a call is made with. */
export interface CallWith {
  readonly metadata?: Metadata;
  readonly deadlineMs?: number;
}

/** A program that calls the echo service. */
export class EchoClient {
  readonly #client: Client;

  /**
   * @param address "host:port"
   * @param credentials how the way there is secured
   * @param options of channels, such as the name that is checked
   */
  constructor(
    address: string,
    credentials: ChannelCredentials,
    options: Readonly<Record<string, string | number>> = {},
  ) {
    this.#client = new Client(address, credentials, {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      ...options,
    });
  }

  unary(message: Buffer, how: CallWith = {}): Promise<Seen> {
    const { path, requestSerialize, responseDeserialize } = ECHO_METHODS.unary;
    return new Promise((resolve) => {
      const messages: Buffer[] = [];
      const done = (_error: unknown, answer?: Buffer): void => {
        if (answer !== undefined) messages.push(answer);
      };
      const { metadata, options } = withOptions(how);
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        metadata,
        options,
        done,
      );
      resolve(watch(call, messages));
    });
  }

  collect(parts: readonly Buffer[], how: CallWith = {}): Promise<Seen> {
    const { path, requestSerialize, responseDeserialize } = ECHO_METHODS.collect;
    return new Promise((resolve) => {
      const messages: Buffer[] = [];
      const done = (_error: unknown, answer?: Buffer): void => {
        if (answer !== undefined) messages.push(answer);
      };
      const { metadata, options } = withOptions(how);
      const call = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        options,
        done,
      );
      for (const part of parts) call.write(part);
      call.end();
      resolve(watch(call, messages));
    });
  }

  repeat(message: Buffer, how: CallWith = {}): ClientReadableStream<Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO_METHODS.repeat;
    const { metadata, options } = withOptions(how);
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      options,
    );
  }

  talk(how: CallWith = {}): ClientDuplexStream<Buffer, Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO_METHODS.talk;
    const { metadata, options } = withOptions(how);
    return this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      options,
    );
  }

  close(): void {
    this.#client.close();
  }
}

/**
 * Watches a streaming call to its end.
 *
 * @param call just begun
 */
export function watchStream(call: ClientReadableStream<Buffer>): Promise<Seen> {
  const messages: Buffer[] = [];
  call.on("data", (message: Buffer) => messages.push(message));
  return watch(call, messages);
}

async function watch(call: NodeJS.EventEmitter, messages: readonly Buffer[]): Promise<Seen> {
  let metadata: Record<string, unknown> = {};
  call.on("metadata", (headers: Metadata) => (metadata = plain(headers)));
  call.on("error", () => {});
  // A failed call emits its error first, which "once" would take for the end.
  const status = await new Promise<StatusObject>((resolve) => call.once("status", resolve));
  // The callback of a unary call comes right after its status.
  await new Promise((resolve) => setImmediate(resolve));
  return {
    messages: messages.map((message) => summary(message)),
    metadata,
    status: status.code,
    details: status.details,
    trailers: plain(status.metadata),
  };
}

function withOptions({ metadata = new Metadata(), deadlineMs }: CallWith): {
  metadata: Metadata;
  options: { deadline?: number };
} {
  return {
    metadata,
    options: deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
  };
}

/** What names each of the two ways is left out: dates. */
function plain(metadata: Metadata): Record<string, unknown> {
  const named = Object.keys(metadata.getMap()).filter((name) => name !== "date");
  return Object.fromEntries(named.toSorted().map((name) => [name, metadata.get(name).map(String)]));
}

function summary(message: Buffer): string {
  return message.length < 64 ? message.toString("latin1") : `${message.length} ${sum(message)}`;
}

function sum(message: Buffer): number {
  let sum = 0;
  for (const byte of message) sum = (sum * 31 + byte) % 1_000_000_007;
  return sum;
}
