import { ForwardChannel, type ForwardDirection, openForward, provenOrClosed } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { OPAMP_PATH } from "../control/opamp-path.ts";
import type { Dial } from "../control/transport.ts";
import type { PooledLink } from "./pool.ts";

/** A link of this agent's over which forwards can be opened. */
export interface ForwardLink extends PooledLink {
  readonly channel: ForwardChannel;
}

/** How links for forwards are dialled. */
export interface ForwardDialOptions {
  /** Asked at each dial: an identity may have been renewed. It alone decides on the level. */
  readonly dial: () => Dial;
  /** Of central, asked at each dial; tried in this order. */
  readonly addresses: () => readonly string[];
  /** Which end opens streams; the agent (`out`) unless told. */
  readonly direction?: ForwardDirection;
  /** For the upgrade. */
  readonly timeoutMs: number;
  /** Milliseconds of a clock that only goes on. */
  readonly elapsed: () => number;
}

const NOTHING = new Uint8Array();

/**
 * Dials central for a link that carries forwards: the agent's own dial, its proof of identity where the handshake was none, and the
 * upgrade.
 *
 * @param options dial, addresses, time
 * @param signal calls it off
 * @throws the codes of the first address that failed: link.*, agent.below_floor, agent.key_*
 */
export async function dialForwardLink(
  options: ForwardDialOptions,
  signal: AbortSignal,
): Promise<ForwardLink> {
  const failures: TautlineError[] = [];
  for (const address of options.addresses()) {
    if (signal.aborted) break;
    try {
      return await dialOne(address, options, signal);
    } catch (error) {
      failures.push(toTautlineError(error));
    }
  }
  throw failures[0] ?? new TautlineError("link.cancelled", { detail: { address: "central" } });
}

async function dialOne(
  address: string,
  { dial, direction = "out", timeoutMs, elapsed }: ForwardDialOptions,
  signal: AbortSignal,
): Promise<ForwardLink> {
  const link = await dial()(address, signal);
  const headers = await provenOrClosed(link, { address, path: OPAMP_PATH, signal });
  const { socket } = link;
  const secured = await openForward({
    socket,
    host: address,
    direction,
    headers,
    timeoutMs,
    signal,
  });
  const channel = new ForwardChannel({
    secured,
    head: NOTHING,
    role: direction === "out" ? "opener" : "accepter",
    address,
    now: elapsed,
  });
  return linkOf(channel, address);
}

function linkOf(channel: ForwardChannel, address: string): ForwardLink {
  const detail = { address, reason: "it was closed without a word" };
  return {
    channel,
    get isIdle() {
      return channel.state === "idle";
    },
    gone: channel.closed.then((reason) => reason ?? new TautlineError("link.broken", { detail })),
    close: () => channel.destroy(new TautlineError("agent.forward_link_unused")),
  };
}
