import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Who stands between two ends and does what it likes with what they say. */
export interface TcpRelayOptions {
  /** The port that is dialled onward, on the loopback interface. */
  readonly toPort: number;
  /** What is passed on of what the dialling end said; `at` is the position of its first byte in all that this end said. */
  readonly up?: (bytes: Buffer, at: number) => Buffer;
  /** The same for the accepting end. */
  readonly down?: (bytes: Buffer, at: number) => Buffer;
  /** Passes on what is said in parts of so many bytes, each a segment of its own. */
  readonly piece?: number;
  /** Resets both ends once so many bytes of the dialling end were passed on. */
  readonly resetAfter?: number;
}

/** A relay that listens. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Connections that were dialled through it so far. */
  readonly connections: () => number;
  /** All that the dialling ends said. */
  readonly said: () => Buffer;
  /** Ends both directions of every connection without a word of the protocol inside. */
  readonly cut: () => void;
}

/**
 * Starts a relay on a free port of the loopback interface.
 *
 * @param options where to, and what is changed on the way
 */
export async function startTcpRelay(options: TcpRelayOptions): Promise<TcpRelay> {
  const open = new Set<Socket>();
  const said: Buffer[] = [];
  let connections = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    connections += 1;
    const far = connect({
      host: "127.0.0.1",
      port: options.toPort,
      allowHalfOpen: true,
      noDelay: true,
    });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => {}).once("close", () => open.delete(socket));
    }
    let passed = 0;
    const passUp = (bytes: Buffer): Buffer => {
      said.push(bytes);
      const changed = options.up?.(bytes, passed) ?? bytes;
      const room = (options.resetAfter ?? Number.POSITIVE_INFINITY) - passed;
      passed += bytes.length;
      if (changed.length < room) return changed;
      setImmediate(() => {
        near.resetAndDestroy();
        far.resetAndDestroy();
      });
      return changed.subarray(0, room);
    };
    let answered = 0;
    const passDown = (bytes: Buffer): Buffer => {
      const changed = options.down?.(bytes, answered) ?? bytes;
      answered += bytes.length;
      return changed;
    };
    pass(near, far, passUp, options.piece);
    pass(far, near, passDown, options.piece);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    said: () => Buffer.concat(said),
    cut: () => {
      for (const socket of open) socket.end();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function pass(
  from: Socket,
  to: Socket,
  change: (bytes: Buffer) => Buffer,
  piece = Number.POSITIVE_INFINITY,
): void {
  from.on("data", (bytes: Buffer) => {
    const changed = change(bytes);
    if (!to.writable) return;
    for (let at = 0; at < changed.length; at += piece) to.write(changed.subarray(at, at + piece));
    if (to.writableNeedDrain) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
  from.on("close", () => to.destroySoon());
}
