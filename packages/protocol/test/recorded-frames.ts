import { concatBytes } from "../src/bytes.ts";
import {
  FORWARD_HEADER_BYTES,
  type ForwardFrame,
  type ForwardSink,
  writeForwardHeader,
} from "../src/forward-frame.ts";

/** A frame with all of its payload. */
export interface ReadFrame {
  readonly frame: ForwardFrame;
  readonly payload: Uint8Array;
}

/** A sink that keeps what it is given, and copies of it, as what it is given need not last. */
export interface RecordingSink {
  readonly sink: ForwardSink;
  /** Data that followed data is one frame: where they began is not told. */
  readonly frames: () => ReadFrame[];
}

/** Makes a sink that remembers. */
export function recordingSink(): RecordingSink {
  const frames: ReadFrame[] = [];
  const put = (frame: ForwardFrame, payload: Uint8Array): void => {
    frames.push({ frame, payload: concatBytes(payload) });
  };
  return {
    sink: {
      data: (part) => {
        const last = frames.at(-1);
        if (last?.frame !== "data") return put("data", part);
        frames[frames.length - 1] = { frame: "data", payload: concatBytes(last.payload, part) };
      },
      control: put,
    },
    frames: () => frames,
  };
}

/** One frame as it travels. */
export function frameBytes(frame: ForwardFrame, payload: Uint8Array): Uint8Array {
  const header = writeForwardHeader(new Uint8Array(FORWARD_HEADER_BYTES), frame, payload.length);
  return concatBytes(header, payload);
}
