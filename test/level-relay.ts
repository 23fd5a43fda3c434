import { once } from "node:events";
import { type AddressInfo, connect, createServer, isIPv6, type Socket } from "node:net";

/** What the first byte of a connection says of it (docs/reference/links.md). */
export type Opening = "plaintext" | "basic" | "tls";

/** One connection that the relay passed on. */
export interface Dial {
  readonly opening: Opening;
  /** As central's log names the caller. */
  readonly from: string;
}

/** A way to central that remembers how it was dialled. */
export interface LevelRelay extends AsyncDisposable {
  /** What the agent dials. */
  readonly address: string;
  /** Connections that came before it led anywhere; they were reset. */
  readonly early: number;
  readonly dials: readonly Dial[];
  /** Leads to this port from now on. */
  lead(port: number): void;
}

const OPENINGS: ReadonlyMap<number | undefined, Opening> = new Map([
  [0x16, "tls"],
  [0xf4, "basic"],
]);

/**
 * Opens a relay to central on this host: it looks at the first byte of each connection and passes on all.
 *
 * @param host 127.0.0.1 or ::1, on both of its sides
 */
export async function startLevelRelay(host: string): Promise<LevelRelay> {
  const shown = isIPv6(host) ? `[${host}]` : host;
  const open = new Set<Socket>();
  const dials: Dial[] = [];
  let [target, early] = [0, 0];
  const server = createServer((near) => {
    near.on("error", () => {});
    open.add(near.once("close", () => open.delete(near)));
    if (target === 0) {
      early += 1;
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: target, host });
    near.once("data", ([first]: Buffer) => {
      const opening = OPENINGS.get(first) ?? "plaintext";
      const note = (): void => void dials.push({ opening, from: `${shown}:${far.localPort}` });
      if (far.connecting) far.once("connect", note);
      else note();
    });
    far.on("error", () => near.destroy()).once("close", () => near.destroy());
    near.once("close", () => far.destroy());
    near.pipe(far).pipe(near);
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    address: `${shown}:${(server.address() as AddressInfo).port}`,
    get early() {
      return early;
    },
    dials,
    lead: (port) => void (target = port),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
