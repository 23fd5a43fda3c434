/** The answer that tells a program its call was taken, where an empty one is valid. */
export type EmptyReply =
  | { readonly kind: "grpc" }
  | { readonly kind: "http"; readonly contentType: string; readonly body: string };

/** What of a call decides whether it may be kept. */
export interface CallShape {
  readonly method: string;
  /** With its query, if it has one. */
  readonly path: string;
  readonly isGrpc: boolean;
  /** Of the request, as it came. */
  readonly contentType: string | undefined;
}

const SKYWALKING: Readonly<Record<string, readonly string[]>> = {
  ManagementService: ["reportInstanceProperties", "keepAlive"],
  TraceSegmentReportService: ["collect", "collectInSync"],
  MeterReportService: ["collect", "collectBatch"],
  JVMMetricReportService: ["collect"],
  CLRMetricReportService: ["collect"],
  EventService: ["collect"],
  LogReportService: ["collect"],
};
/** Services that older programs still call without a package. */
const WITHOUT_PACKAGE = [
  "ManagementService",
  "TraceSegmentReportService",
  "MeterReportService",
  "JVMMetricReportService",
];
const OTLP: Readonly<Record<string, string>> = {
  trace: "TraceService",
  metrics: "MetricsService",
  logs: "LogsService",
};

const GRPC_PATHS: ReadonlySet<string> = new Set([
  ...pathsOf(Object.keys(SKYWALKING), "skywalking.v3."),
  ...pathsOf(WITHOUT_PACKAGE, ""),
  ...Object.entries(OTLP).map(
    ([signal, service]) => `/opentelemetry.proto.collector.${signal}.v1.${service}/Export`,
  ),
]);
const OTLP_HTTP_PATHS: ReadonlySet<string> = new Set(["/v1/traces", "/v1/metrics", "/v1/logs"]);
const SKYWALKING_HTTP_PATHS: ReadonlySet<string> = new Set([
  "/v3/management/reportProperties",
  "/v3/management/keepAlive",
  "/v3/segment",
  "/v3/segments",
  "/v3/logs",
  "/v3/events",
]);
const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

/**
 * Tells whether a call may be kept while its backend cannot be reached: those whose only answer is that they were taken (SWP-9).
 * Everything that asks for something has to be answered by the one who knows.
 *
 * @param call its method, path and kind
 * @returns the answer to give once it is kept; undefined where it may not be kept (requirements 5.3, OTLP specification "OTLP/HTTP
 *   Response")
 */
export function emptyReplyTo(call: CallShape): EmptyReply | undefined {
  if (call.method !== "POST") return undefined;
  if (call.isGrpc) return GRPC_PATHS.has(call.path) ? { kind: "grpc" } : undefined;
  const [path = ""] = call.path.split("?");
  const asked = call.contentType?.split(";")[0]?.trim().toLowerCase();
  if (SKYWALKING_HTTP_PATHS.has(path)) return { kind: "http", contentType: JSON_TYPE, body: "{}" };
  if (!OTLP_HTTP_PATHS.has(path)) return undefined;
  // The answer is of the request's own type; the empty message is no byte at all in one, and an empty object in the other.
  if (asked === PROTOBUF) return { kind: "http", contentType: PROTOBUF, body: "" };
  return asked === JSON_TYPE ? { kind: "http", contentType: JSON_TYPE, body: "{}" } : undefined;
}

function pathsOf(services: readonly string[], prefix: string): readonly string[] {
  return services.flatMap((service) =>
    (SKYWALKING[service] ?? []).map((method) => `/${prefix}${service}/${method}`),
  );
}
