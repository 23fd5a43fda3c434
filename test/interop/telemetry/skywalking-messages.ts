import type { MessageShape } from "./wire-reader.ts";

/** `KeyStringValuePair` (requirements 5.3). */
const PAIR: MessageShape = { 1: ["key", "text"], 2: ["value", "text"] };

const LOG: MessageShape = { 1: ["time", "number"], 2: ["data[]", PAIR] };

const REFERENCE: MessageShape = {
  1: ["refType", "number"],
  2: ["traceId", "text"],
  3: ["parentTraceSegmentId", "text"],
  4: ["parentSpanId", "number"],
  5: ["parentService", "text"],
  6: ["parentServiceInstance", "text"],
  7: ["parentEndpoint", "text"],
  8: ["networkAddressUsedAtPeer", "text"],
};

const SPAN: MessageShape = {
  1: ["spanId", "number"],
  2: ["parentSpanId", "number"],
  3: ["startTime", "number"],
  4: ["endTime", "number"],
  5: ["refs[]", REFERENCE],
  6: ["operationName", "text"],
  7: ["peer", "text"],
  8: ["spanType", "number"],
  9: ["spanLayer", "number"],
  10: ["componentId", "number"],
  11: ["isError", "flag"],
  12: ["tags[]", PAIR],
  13: ["logs[]", LOG],
  14: ["skipAnalysis", "flag"],
};

/** `SegmentObject`. */
export const SEGMENT: MessageShape = {
  1: ["traceId", "text"],
  2: ["traceSegmentId", "text"],
  3: ["spans[]", SPAN],
  4: ["service", "text"],
  5: ["serviceInstance", "text"],
  6: ["isSizeLimited", "flag"],
};

/** `InstanceProperties`. */
export const PROPERTIES: MessageShape = {
  1: ["service", "text"],
  2: ["serviceInstance", "text"],
  3: ["properties[]", PAIR],
  4: ["layer", "text"],
};

/** `InstancePingPkg`. */
export const PING: MessageShape = {
  1: ["service", "text"],
  2: ["serviceInstance", "text"],
  3: ["layer", "text"],
};
