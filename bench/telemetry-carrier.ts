/** A carrier behind mutual TLS on loopback, alone in its process; told where to and with what by its channel. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createServer } from "node:tls";
import { createCarrier, createUpstreams } from "@tautline/link";
import type { LevelWorld } from "./level-world.ts";
import { answerQuestions } from "./worker.ts";

// In order, so that a profile is written.
process.once("SIGTERM", () => process.exit(0));

answerQuestions({
  open: async ({ to, world }: { to: number; world: LevelWorld }) => {
    const upstreams = createUpstreams({
      places: [
        {
          name: "bench",
          authority: `127.0.0.1:${to}`,
          scheme: "http",
          connect: async () => {
            const socket = connect({ port: to, host: "127.0.0.1", noDelay: true });
            await once(socket, "connect");
            return socket;
          },
        },
      ],
      protocol: "h2",
      now,
      random: Math.random,
    });
    const carrier = createCarrier<undefined>({ judge: () => ({ to: upstreams }), now });
    const server = createServer({
      key: world.central.keyPem,
      cert: world.central.chainPem,
      ca: world.rootPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["h2"],
    });
    server.on("secureConnection", (socket) => void carrier.serve(socket, undefined));
    server.listen(0, "127.0.0.1", 4_096);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },
});

function now(): number {
  return performance.now();
}
