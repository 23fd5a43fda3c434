/**
 * A program that is traced by skywalking-backend-js as published, told where to report by nothing but environment variables: a small HTTP
 * server that prints its port.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import agent from "skywalking-backend-js";

const started = Reflect.get(agent, "default") ?? agent;
started.start();

const server = createServer((request, response) => {
  response.end(`you asked for ${request.url}`);
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ event: "listening", port })}\n`);
});
