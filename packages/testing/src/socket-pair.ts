import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Two ends of one connection over loopback, half-open allowed. */
export interface SocketPair extends AsyncDisposable {
  readonly dialled: Socket;
  readonly accepted: Socket;
}

/** Opens a connection over loopback; disposing it cuts both ends. */
export async function openSocketPair(host = "127.0.0.1"): Promise<SocketPair> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const dialled = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const [[accepted]] = await Promise.all([
    once(server, "connection") as Promise<[Socket]>,
    once(dialled, "connect"),
  ]);
  return {
    dialled,
    accepted,
    [Symbol.asyncDispose]: async () => {
      dialled.on("error", () => {}).destroy();
      accepted.on("error", () => {}).destroy();
      server.close();
      await once(server, "close");
    },
  };
}
