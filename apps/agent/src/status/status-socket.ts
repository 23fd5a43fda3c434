import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { TautlineError, toProblem, toTautlineError } from "@tautline/protocol";
import { requireSocketPath } from "../socket-path.ts";
import type { AgentStatus } from "./agent-status.ts";

/** The agent's local status socket; it answers one question and takes no orders. */
export interface StatusSocket {
  close(): Promise<void>;
}

/**
 * Opens the status socket (mode 0600, in a folder of mode 0700).
 *
 * The caller holds the folder's lock, so a socket file that is already there was left by an agent that was killed.
 *
 * @param path where the socket is
 * @param status makes the document, at each request
 * @throws agent.socket_path_too_long, agent.socket_failed
 */
export async function openStatusSocket(
  path: string,
  status: () => AgentStatus,
): Promise<StatusSocket> {
  requireSocketPath(path);
  const server = createServer((request, response) => answer(request, response, status));
  try {
    rmSync(path, { force: true });
    server.listen({ path, readableAll: false, writableAll: false });
    await once(server, "listening");
    chmodSync(path, 0o600);
  } catch (cause) {
    server.close();
    const reason = (cause as NodeJS.ErrnoException).code ?? "it cannot be made";
    throw new TautlineError("agent.socket_failed", { cause, detail: { path, reason } });
  }
  return { close: () => closeAll(server) };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: () => AgentStatus,
): void {
  try {
    if (request.method !== "GET" || request.url !== "/status") {
      throw new TautlineError("api.no_route");
    }
    send(response, { status: 200, type: "application/json", body: status() });
  } catch (error) {
    // A question, however odd, must not end the agent.
    const problem = toProblem(toTautlineError(error));
    send(response, { status: problem.status, type: "application/problem+json", body: problem });
  }
}

function send(
  response: ServerResponse,
  answer: { status: number; type: string; body: unknown },
): void {
  response.writeHead(answer.status, { "Content-Type": answer.type, Connection: "close" });
  response.end(JSON.stringify(answer.body));
}

async function closeAll(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
