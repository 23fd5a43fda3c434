import type { Socket } from "node:net";
import { TautlineError } from "@tautline/protocol";

/** How to wait for one part of a handshake. */
export interface HandshakeWait {
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The longest part there is; more is refused before it is kept. */
  readonly maxBytes: number;
}

/**
 * Reads from a connection until what came is enough to tell, and not one byte more: the rest goes back to the connection.
 *
 * @param socket a connection that nobody else reads from
 * @param wait limits
 * @param read looks at all that came so far: how many bytes of it were used and what they say, or undefined for "more"
 * @throws link.timeout, link.cancelled, link.handshake_cut, link.handshake_too_long, and what `read` throws
 */
export function readHandshake<Part>(
  socket: Socket,
  wait: HandshakeWait,
  read: (bytes: Buffer) => { readonly part: Part; readonly length: number } | undefined,
): Promise<Part> {
  const { address, timeoutMs, signal, maxBytes } = wait;
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      socket.off("readable", look).off("end", cut).off("close", cut).off("error", fail);
      finish();
    };
    const fail = (cause: unknown): void =>
      settle(() => {
        socket.destroy();
        reject(cause);
      });
    const cut = (): void => fail(new TautlineError("link.handshake_cut", { detail: { address } }));
    const cancel = (): void => fail(new TautlineError("link.cancelled", { detail: { address } }));
    const late = (): void =>
      fail(new TautlineError("link.timeout", { detail: { address, timeoutMs } }));
    const look = (): void => {
      try {
        for (let chunk = take(socket); chunk !== null; chunk = take(socket)) {
          held = Buffer.concat([held, chunk]);
          const found = read(held);
          if (found !== undefined) {
            const rest = held.subarray(found.length);
            settle(() => {
              if (rest.length > 0) socket.unshift(rest);
              resolve(found.part);
            });
            return;
          }
          if (held.length > maxBytes) {
            throw new TautlineError("link.handshake_too_long", { detail: { address, maxBytes } });
          }
        }
      } catch (error) {
        fail(error);
      }
    };
    const timer = setTimeout(late, timeoutMs);
    signal?.addEventListener("abort", cancel, { once: true });
    socket.on("readable", look).on("end", cut).on("close", cut).on("error", fail);
    if (signal?.aborted === true) cancel();
    else look();
  });
}

function take(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
