import { connect, createServer, type Socket } from "node:net";
import { listenOnAnyPort } from "@tautline/testing";

/** What a relay does with the bytes of one way; they are swallowed without a word where it stalls. */
export interface RelayFaults {
  toCentral: "pass" | "stall";
  toAgent: "pass" | "stall";
}

/** A TCP relay on the loopback interface, to be a network that fails (F4). */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  readonly faults: RelayFaults;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Resets every connection on the agents' side. */
  reset(): void;
}

/**
 * Starts a relay to a port of this host.
 *
 * @param targetPort where it leads
 */
export async function startRelay(targetPort: number): Promise<Relay> {
  const faults: RelayFaults = { toCentral: "pass", toAgent: "pass" };
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer((near) => {
    accepted += 1;
    const far = connect(targetPort, "127.0.0.1");
    open.add(near);
    near.on("data", (bytes) => void (faults.toCentral === "pass" && far.write(bytes)));
    far.on("data", (bytes) => void (faults.toAgent === "pass" && near.write(bytes)));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => one.destroy());
      // A stalled network does not pass on an end either.
      one.on("close", () => {
        open.delete(near);
        if (faults.toCentral === "pass" && faults.toAgent === "pass") other.destroy();
      });
    }
  });
  const { port, close } = await listenOnAnyPort(server);
  return {
    port,
    faults,
    get accepted() {
      return accepted;
    },
    reset: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
    [Symbol.asyncDispose]: close,
  };
}
