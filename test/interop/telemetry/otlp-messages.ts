import type { MessageShape } from "./wire-reader.ts";

const SPAN: MessageShape = {
  1: ["traceId", "passed over"],
  2: ["spanId", "passed over"],
  3: ["traceState", "text"],
  4: ["parentSpanId", "passed over"],
  5: ["name", "text"],
  6: ["kind", "number"],
  7: ["startTimeUnixNano", "number"],
  8: ["endTimeUnixNano", "number"],
  9: ["attributes[]", "passed over"],
  10: ["droppedAttributesCount", "number"],
  11: ["events[]", "passed over"],
  12: ["droppedEventsCount", "number"],
  13: ["links[]", "passed over"],
  14: ["droppedLinksCount", "number"],
  15: ["status", "passed over"],
  16: ["flags", "passed over"],
};

const SCOPE_SPANS: MessageShape = {
  1: ["scope", "passed over"],
  2: ["spans[]", SPAN],
  3: ["schemaUrl", "text"],
};

const RESOURCE_SPANS: MessageShape = {
  1: ["resource", "passed over"],
  2: ["scopeSpans[]", SCOPE_SPANS],
  3: ["schemaUrl", "text"],
};

/** `ExportTraceServiceRequest` (OpenTelemetry protocol 1.x). */
export const EXPORT_TRACES: MessageShape = { 1: ["resourceSpans[]", RESOURCE_SPANS] };

/**
 * The names of all spans of a request, in order.
 *
 * @param message read by EXPORT_TRACES
 */
export function spanNames(message: unknown): readonly string[] {
  return listOf(message, "resourceSpans")
    .flatMap((resource) => listOf(resource, "scopeSpans"))
    .flatMap((scope) => listOf(scope, "spans"))
    .map((span) => String(Reflect.get(span, "name")));
}

function listOf(message: unknown, name: string): readonly object[] {
  const list: unknown = Reflect.get(message as object, name);
  return Array.isArray(list) ? (list as object[]) : [];
}
