import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import { createTlsAcceptor, type TlsAcceptor, type TlsAcceptorOptions } from "../src/accept-tls.ts";
import { createClientJudge } from "../src/client-judge.ts";
import type { HandshakeGate } from "../src/handshake-gate.ts";
import { createQueue } from "./arrival-queue.ts";
import { testNow, type FleetAuthority } from "./fleet-authority.ts";
import { rootsPem } from "../src/tls-settings.ts";

/** What an acceptor under test reported about one connection. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly evidence: LinkEvidence;
  readonly refusal: TautlineError | undefined;
}

/** An acceptor that listens on a free port and remembers what it reported. */
export interface RunningAcceptor extends AsyncDisposable {
  readonly acceptor: TlsAcceptor;
  readonly port: number;
  /** Takes the next secured connection, waiting for it if need be. */
  nextSecured(): Promise<Secured>;
  /** Takes the next failure, waiting for it if need be. */
  nextFailure(): Promise<{ readonly error: TautlineError; readonly address: string }>;
}

/** Lets everybody begin at once, by the way that central's agents' port takes. */
const openGate: HandshakeGate = {
  enter: (caller) => {
    caller.begin();
    return () => {};
  },
};

/**
 * Starts central's accepting end for tests of this package; disposing it cuts what is open.
 *
 * @param authority whose central it is
 * @param overrides options of the acceptor to change
 */
export async function startAcceptor(
  authority: FleetAuthority,
  overrides: Partial<TlsAcceptorOptions> = {},
): Promise<RunningAcceptor> {
  const secured = createQueue<Secured>();
  const failures = createQueue<{ error: TautlineError; address: string }>();
  const acceptor = createTlsAcceptor({
    identity: authority.central(),
    clientRootsPem: rootsPem([authority.root]),
    judgeClient: createClientJudge({
      trustDomain: authority.trustDomain,
      roots: () => [authority.root],
      isRevoked: () => false,
      now: testNow,
    }),
    handshakeTimeoutMs: 10_000,
    gate: openGate,
    now: testNow,
    onSecured: (socket, evidence, refusal) => {
      secured.put({ socket, evidence, refusal });
    },
    onFailed: (error, address) => {
      failures.put({ error, address });
    },
    ...overrides,
  });
  const { server } = acceptor;
  const open = new Set<{ destroy: () => unknown }>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    acceptor,
    port: (server.address() as AddressInfo).port,
    nextSecured: secured.take,
    nextFailure: failures.take,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) {
        socket.destroy();
      }
      await closed;
    },
  };
}
