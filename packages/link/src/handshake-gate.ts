import { createServer, type Server, type Socket } from "node:net";
import { TautlineError } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import { spentMs } from "./sniff/opening-time.ts";

/** A caller who has begun to speak and wants its TLS handshake. */
export interface HandshakeCaller {
  /** Without a port. */
  readonly remoteAddress: string;
  /** Lets the handshake begin. */
  begin(): void;
  /** Closes the connection before anything was spent on it. */
  refuse(): void;
}

/** Decides when a caller's handshake begins. */
export interface HandshakeGate {
  /** @returns to be called when the handshake is over or the caller has gone, any number of times */
  enter(caller: HandshakeCaller): () => void;
}

/** What a gated server needs. */
export interface GatedServerOptions {
  readonly gate: HandshakeGate;
  /** From the connection's first moment to the handshake's end, waiting included. */
  readonly timeoutMs: number;
  /** A caller who lets its half of the handshake wait holds its place in the gate for so long. */
  readonly leaseMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Secures a connection, whose first bytes may have been read already. */
  readonly secure: (socket: Socket) => void;
  /** A connection was closed before its handshake began. */
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/** The accepting end before a handshake. */
export interface GatedServer {
  /** Not listening yet; takes connections of another server by `emit("connection", socket)` as well. */
  readonly server: Server;
  /** The handshake on this socket is over, one way or the other. */
  over(socket: Pick<Socket, "remoteAddress" | "remotePort">): void;
}

/** Ways around the world take a third of a second; a handshake that takes longer is not waited for. */
export const HANDSHAKE_LEASE_MS = 2_000;

/**
 * Makes a server that lets a gate decide before anything expensive is done for a connection. A caller who says nothing never
 * comes to the gate, and who goes silent in the middle loses its place: silent callers hold up nobody (F13).
 *
 * @param options gate, times, and what secures
 */
export function createGatedServer(options: GatedServerOptions): GatedServer {
  const arrivals = new Map<string, Arrival>();
  const server = createServer({ noDelay: true }, (socket) => {
    const { remoteAddress, remotePort } = socket;
    // It has gone again already.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const address = formatHostPort(remoteAddress, remotePort);
    const arrival = new Arrival(options, socket, {
      address,
      remoteAddress,
      // Nothing of an arrival lives on with its link.
      onOver: () => {
        if (arrivals.get(address) === arrival) arrivals.delete(address);
      },
    });
    arrivals.set(address, arrival);
    arrival.listen();
  });
  return {
    server,
    over: ({ remoteAddress, remotePort }) => {
      // Of a socket that was destroyed nothing is known any more, and its "close" tells.
      if (remoteAddress === undefined || remotePort === undefined) return;
      const address = formatHostPort(remoteAddress, remotePort);
      arrivals.get(address)?.over();
    },
  };
}

interface ArrivalFrom {
  readonly address: string;
  readonly remoteAddress: string;
  readonly onOver: () => void;
}

/** One connection until its handshake is over. */
class Arrival {
  readonly #options: GatedServerOptions;
  readonly #socket: Socket;
  readonly #from: ArrivalFrom;
  readonly #deadline: NodeJS.Timeout;
  readonly #onClose = (): void => this.over();
  #lease: NodeJS.Timeout | undefined;
  #leaveGate: (() => void) | undefined;
  #isOver = false;

  constructor(options: GatedServerOptions, socket: Socket, from: ArrivalFrom) {
    this.#options = options;
    this.#socket = socket;
    this.#from = from;
    const { timeoutMs } = options;
    // What it took to tell what the caller speaks counts.
    const leftMs = Math.max(1, timeoutMs - spentMs(socket, options.now()));
    this.#deadline = setTimeout(() => this.#fail("link.timeout", { timeoutMs }), leftMs);
    socket.on("error", ignore);
    socket.once("close", this.#onClose);
  }

  /** Waits for the first bytes, if they are not there already. */
  listen(): void {
    if (this.#socket.readableLength > 0) this.#spoken();
    // Reading begins here and stops at the first bytes; what is read then is handed on with the socket.
    else this.#socket.once("readable", () => this.#spoken());
  }

  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#lease);
    this.#socket.removeListener("close", this.#onClose);
    this.#leaveGate?.();
    this.#leaveGate = undefined;
    this.#from.onOver();
  }

  #spoken(): void {
    if (this.#isOver) return;
    // The end came before the first byte.
    if (this.#socket.readableLength === 0) return this.#fail("link.handshake_cut", {});
    const leave = this.#options.gate.enter({
      remoteAddress: this.#from.remoteAddress,
      begin: () => this.#begin(),
      refuse: () => this.#refuse(),
    });
    if (this.#isOver) leave();
    else this.#leaveGate = leave;
  }

  #begin(): void {
    if (this.#isOver || this.#socket.destroyed) return;
    this.#lease = setTimeout(() => this.#giveUpPlace(), this.#options.leaseMs);
    this.#socket.removeListener("error", ignore);
    this.#options.secure(this.#socket);
  }

  /** Its handshake may still finish in time, but others no longer wait for it. */
  #giveUpPlace(): void {
    this.#leaveGate?.();
    this.#leaveGate = undefined;
  }

  #refuse(): void {
    this.over();
    // A reset leaves nothing behind at this end, whatever the other one does.
    this.#socket.resetAndDestroy();
    const { address, remoteAddress } = this.#from;
    const error = new TautlineError("link.queue_full", { detail: { address } });
    this.#options.onFailed(error, address, remoteAddress);
  }

  #fail(code: "link.timeout" | "link.handshake_cut", more: Readonly<Record<string, number>>): void {
    const { address, remoteAddress } = this.#from;
    this.over();
    this.#socket.destroy();
    const error = new TautlineError(code, { detail: { address, ...more } });
    this.#options.onFailed(error, address, remoteAddress);
  }
}

function ignore(): void {}
