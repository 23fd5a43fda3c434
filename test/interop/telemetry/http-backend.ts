import { createServer, type IncomingHttpHeaders } from "node:http";
import { listenOnAnyPort } from "@tautline/testing";

/** A call that reached the backend of HTTP. */
export interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A stand-in for a collector of OTLP over HTTP: it takes everything. */
export interface HttpBackend extends AsyncDisposable {
  readonly port: number;
  /** The first call. */
  readonly posted: Promise<Posted>;
}

/** Starts one on loopback. */
export async function startHttpBackend(): Promise<HttpBackend> {
  const posted = Promise.withResolvers<Posted>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      posted.resolve({ headers: request.headers, body: Buffer.concat(chunks) });
      response.setHeader("Content-Type", "application/x-protobuf").end();
    });
  });
  const { port, close } = await listenOnAnyPort(server);
  return { port, posted: posted.promise, [Symbol.asyncDispose]: close };
}
