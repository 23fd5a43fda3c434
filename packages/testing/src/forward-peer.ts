import type { Duplex } from "node:stream";
import {
  decodeForwardReason,
  encodeUtf8,
  FORWARD_HEADER_BYTES,
  ForwardDecoder,
  type ForwardFrame,
  writeForwardHeader,
} from "@tautline/protocol";

/** One end of a forward's link that is driven by hand and keeps no rule. */
export interface ForwardPeer {
  /** Sends a frame; text as UTF-8. */
  readonly send: (frame: ForwardFrame, payload: Uint8Array | string) => void;
  /** Waits for the next frame; a part of data counts as one, and an `alive` as none. "gone" is the end of the link. */
  readonly next: () => Promise<HeardFrame>;
  /** How often the other end has said that it is there. */
  readonly alive: number;
}

/** What the other end said. */
export interface HeardFrame {
  readonly frame: ForwardFrame | "gone";
  readonly payload: Uint8Array;
  /** The code of the reason that a refused, reset or close gives. */
  readonly code?: string | undefined;
}

/**
 * One frame as it travels.
 *
 * @param payload text as UTF-8
 */
export function forwardFrame(frame: ForwardFrame, payload: Uint8Array | string): Buffer {
  const bytes = typeof payload === "string" ? encodeUtf8(payload) : payload;
  const header = Buffer.alloc(FORWARD_HEADER_BYTES);
  return Buffer.concat([writeForwardHeader(header, frame, bytes.length), bytes]);
}

/**
 * Speaks forward frames by hand.
 *
 * @param stream secured, after its upgrade
 */
export function createForwardPeer(stream: Duplex): ForwardPeer {
  const heard: HeardFrame[] = [];
  let alive = 0;
  let wake: (() => void) | undefined;
  const put = (frame: HeardFrame): void => {
    heard.push(frame);
    wake?.();
  };
  const decoder = new ForwardDecoder({
    data: (part) => put({ frame: "data", payload: Buffer.from(part) }),
    control: (frame, part) => {
      if (frame === "alive") {
        alive += 1;
        return;
      }
      const payload = Buffer.from(part);
      const isReason = frame === "refused" || frame === "reset" || frame === "close";
      put({ frame, payload, ...(isReason && { code: decodeForwardReason(payload).code }) });
    },
  });
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => decoder.take(chunk));
  stream.once("end", () => put({ frame: "gone", payload: Buffer.alloc(0) }));
  stream.once("close", () => put({ frame: "gone", payload: Buffer.alloc(0) }));
  return {
    get alive() {
      return alive;
    },
    send: (frame, payload) => void stream.write(forwardFrame(frame, payload)),
    next: async () => {
      while (heard.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return heard.shift() as HeardFrame;
    },
  };
}
