import type { Socket } from "node:net";

const openedAt = new WeakMap<Socket, number>();

/**
 * Notes when a connection was accepted.
 *
 * @param socket accepted
 * @param nowMs milliseconds since any moment
 */
export function noteOpened(socket: Socket, nowMs: number): void {
  openedAt.set(socket, nowMs);
}

/**
 * Tells how much of its time for a handshake a connection has used already.
 *
 * @param socket accepted
 * @param nowMs milliseconds since the same moment
 * @returns milliseconds; 0 where nobody noted when it was accepted, or the clock went back
 */
export function spentMs(socket: Socket, nowMs: number): number {
  return Math.max(0, nowMs - (openedAt.get(socket) ?? nowMs));
}
