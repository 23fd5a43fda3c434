/** Holds TLS connections to a nats-server, driven over its channel: each speaks NATS as far as CONNECT and PING, then is idle. */
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { answerQuestions } from "./worker.ts";

/** How many, where to, and who they are. */
export interface NatsOrder {
  readonly connections: number;
  readonly port: number;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly rootsPem: string;
}

const AT_ONCE = 64;
const held: TLSSocket[] = [];

answerQuestions({
  open: async (order: NatsOrder) => {
    let left = order.connections;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        held.push(await openOne(order));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return held.length;
  },
});

/** A NATS server speaks first, in clear text, and then TLS begins. */
function openOne(order: NatsOrder): Promise<TLSSocket> {
  const { port, keyPem, chainPem, rootsPem } = order;
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: "127.0.0.1", port });
    socket.once("error", reject);
    socket.once("data", () => {
      const tls = connectTls({
        socket,
        key: keyPem,
        cert: chainPem,
        ca: rootsPem,
        minVersion: "TLSv1.3",
        checkServerIdentity: () => undefined,
      });
      tls.once("error", reject);
      tls.once("secureConnect", () => {
        tls.write('CONNECT {"verbose":false,"pedantic":false,"tls_required":true}\r\nPING\r\n');
      });
      tls.on("data", (data: Buffer) => {
        const text = data.toString("latin1");
        if (text.includes("PONG")) resolve(tls);
        else if (text.includes("PING")) tls.write("PONG\r\n");
        else if (text.includes("-ERR")) reject(new Error(text));
      });
    });
  });
}

process.on("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
