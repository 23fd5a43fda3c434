import type { Socket } from "node:net";
import type { ForwardRole } from "@tautline/protocol";
import { createForwardPeer, type ForwardPeer, openSocketPair } from "@tautline/testing";
import { ForwardChannel } from "../src/forward/forward-channel.ts";

/** A channel whose other end is driven by hand. */
export interface ChannelAndPeer extends AsyncDisposable {
  readonly channel: ForwardChannel;
  /** The channel's own connection. */
  readonly secured: Socket;
  readonly peer: ForwardPeer;
  /** The peer's own stream. */
  readonly stream: Socket;
}

/**
 * Opens a link over loopback with a channel at one end.
 *
 * @param role of the channel
 * @param head what came behind the upgrade
 */
export async function openChannelAndPeer(
  role: ForwardRole,
  head: Uint8Array = Buffer.alloc(0),
): Promise<ChannelAndPeer> {
  const pair = await openSocketPair();
  const channel = new ForwardChannel({
    secured: pair.accepted,
    head,
    role,
    address: "the peer",
    now: () => performance.now(),
  });
  return {
    channel,
    secured: pair.accepted,
    peer: createForwardPeer(pair.dialled),
    stream: pair.dialled,
    [Symbol.asyncDispose]: async () => {
      await pair[Symbol.asyncDispose]();
      await channel.closed;
    },
  };
}
