import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { ServerProgram } from "./server-program.ts";

/** A web server: says its path to GET, and the SHA-256 of the body to POST. */
export interface WebServer extends ServerProgram {
  /** How many connections it has had. */
  readonly connections: number;
}

/** Starts the web server that curl asks. */
export async function openWebServer(): Promise<WebServer> {
  let connections = 0;
  const server = createHttpServer((request, response) => {
    const said =
      request.method === "POST" ? digestOf(request) : text(request).then(() => request.url);
    void said.then((answer) => response.end(`${answer}\n`)).catch(() => response.destroy());
  });
  server.on("connection", () => (connections += 1));
  const opened = await listen(server, () => server.closeAllConnections());
  return {
    ...opened,
    get connections() {
      return connections;
    },
  };
}

/** Starts a server that says nothing until it has heard the end, and then the SHA-256 of what it heard before. */
export function openDigestServer(): Promise<ServerProgram> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    void digestOf(socket)
      .then((digest) => socket.end(`${digest}\n`))
      .catch(() => socket.destroy());
  });
  return listen(server, () => {});
}

/** The SHA-256 of all that comes, in hex. */
async function digestOf(stream: IncomingMessage | NodeJS.ReadableStream): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(stream, hash);
  return hash.digest("hex");
}

async function listen(server: Server, hangUp: () => void): Promise<ServerProgram> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      hangUp();
      await closed;
    },
  };
}
