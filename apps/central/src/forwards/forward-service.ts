import type { Duplex } from "node:stream";
import { ForwardChannel, type ForwardDirection } from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import type { AgentCaller } from "../control/caller.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import type { ReverseLinks } from "../services/reverse-links.ts";
import type { ForwardBook } from "./forward-book.ts";
import type { ProxyEndpoints } from "./proxy-header.ts";
import { serveStream, type ServeStreamDeps } from "./serve-stream.ts";
import { judgeRunning } from "./stream-rule.ts";

/** What central's end of forwards needs. */
export interface ForwardServiceDeps extends ServeStreamDeps {
  readonly book: ForwardBook;
  readonly connections: Pick<OpenConnections, "giveVoice">;
  /** Takes the links on which central opens streams. */
  readonly reverse: Pick<ReverseLinks, "add">;
}

/** A connection after its upgrade. */
export interface UpgradedLink {
  readonly socket: Duplex;
  /** What came behind the upgrade already. */
  readonly head: Uint8Array;
  /** Which end opens streams: the agent (`out`), or central (`in`). */
  readonly direction: ForwardDirection;
}

/** Central's end of the links that carry forwards. */
export interface ForwardService {
  /** Carries an agent's streams, one after the other, until its link is closed; never rejects. */
  serve(caller: AgentCaller, link: UpgradedLink): Promise<void>;
  /** Closes links that carry nothing, and the others when their streams have ended. */
  announceClose(reason: TautlineError): void;
  /** Ends every stream and link now. */
  endAll(reason: TautlineError): void;
}

/**
 * Makes central's end of forwards: every stream is asked for by name, and ended when what is allowed changes.
 *
 * @param deps allowances, tables, log and clock
 */
export function createForwardService(deps: ForwardServiceDeps): ForwardService {
  const links = new Set<ForwardChannel>();
  deps.book.onChange(() => endForbidden(deps));
  return {
    serve: async (caller, { socket, head, direction }) => {
      const { id } = caller.agent;
      const address = caller.remoteAddress;
      const now = performance.now.bind(performance);
      const role = direction === "out" ? "accepter" : "opener";
      const channel = new ForwardChannel({ secured: socket, head, role, address, now });
      const endpoints = endpointsOf(socket);
      deps.connections.giveVoice(caller, {
        agentId: () => id,
        end: (reason) => channel.destroy(reason),
      });
      links.add(channel);
      if (direction === "in") deps.reverse.add({ caller, channel });
      channel.onOpen((opening) => void serveStream(deps, { caller, channel, endpoints }, opening));
      await channel.closed;
      links.delete(channel);
    },
    announceClose: (reason) => {
      for (const channel of links) channel.announceClose(reason);
    },
    endAll: (reason) => {
      for (const channel of links) channel.destroy(reason);
    },
  };
}

/** What may no longer be is ended with the reason at both ends, wherever it was changed. */
function endForbidden({ book, streams, log }: ForwardServiceDeps): void {
  for (const stream of streams.all()) {
    const reason = judgeRunning(book, stream);
    if (reason === undefined) continue;
    log.info({ agent: stream.agentId, forward: stream.forward, code: reason.code }, reason.message);
    stream.end(reason);
  }
}

/** Known of sockets; at the level `basic` it is not. */
function endpointsOf(
  socket: Duplex & {
    readonly remoteAddress?: string | undefined;
    readonly remotePort?: number | undefined;
    readonly localAddress?: string | undefined;
    readonly localPort?: number | undefined;
  },
): ProxyEndpoints | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  return {
    source: { host: remoteAddress, port: remotePort },
    destination: { host: localAddress, port: localPort },
  };
}
