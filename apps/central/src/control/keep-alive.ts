import type { WebSocket } from "ws";

/**
 * Pings a WebSocket by the clock, so that a peer that vanished without a word is noticed within two pings.
 *
 * @param socket an open WebSocket; terminated when a ping got no answer until the next one
 * @param everyMs milliseconds between pings
 * @returns ends the pinging
 */
export function keepAlive(socket: WebSocket, everyMs: number): () => void {
  let answered = true;
  const timer = setInterval(() => {
    if (answered) {
      answered = false;
      socket.ping();
    } else {
      socket.terminate();
    }
  }, everyMs);
  timer.unref();
  socket.on("pong", () => {
    answered = true;
  });
  return () => clearInterval(timer);
}
