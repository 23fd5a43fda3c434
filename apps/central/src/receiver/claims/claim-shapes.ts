/**
 * Where in a protobuf message its claims stand, by field number: a name, a message around others, one resource of OpenTelemetry, or its
 * attributes. Other texts beside them are listed too: some decoders read on behind the end of one that is no UTF-8 (google-protobuf for
 * JavaScript 3), and find other names there.
 */
export type ClaimField =
  | "service"
  | "instance"
  | "attributes"
  | "text"
  | { readonly inside: ClaimShape; readonly isResource?: boolean };

/** The fields of one message that matter; every other one is stepped over. */
export interface ClaimShape {
  readonly [field: number]: ClaimField;
}

const named = (service: number, instance: number): ClaimShape => ({
  [service]: "service",
  [instance]: "instance",
});
const inside = (field: number, shape: ClaimShape): ClaimShape => ({ [field]: { inside: shape } });

const texts = (...fields: readonly number[]): ClaimShape =>
  Object.fromEntries(fields.map((field) => [field, "text" as const]));

const FIRST_TWO = named(1, 2);
const SERVICE_ONLY: ClaimShape = { 1: "service" };
/** Their messages say of nobody who they are. */
const NOTHING: ClaimShape = {};
const SEGMENT = { ...named(4, 5), ...texts(1, 2) };
const METER = named(3, 4);
/** EBPFProcessEntityMetadata. */
const PROCESS = named(2, 3);

/** Of the package skywalking.v3, also as its older programs call it, without a package. */
const SKYWALKING: Readonly<Record<string, ClaimShape>> = {
  "ManagementService/reportInstanceProperties": { ...FIRST_TWO, ...texts(4) },
  "ManagementService/keepAlive": { ...FIRST_TWO, ...texts(3) },
  "TraceSegmentReportService/collect": SEGMENT,
  "TraceSegmentReportService/collectInSync": inside(1, SEGMENT),
  "MeterReportService/collect": METER,
  "MeterReportService/collectBatch": inside(1, METER),
  "JVMMetricReportService/collect": named(2, 3),
  "CLRMetricReportService/collect": named(2, 3),
  "LogReportService/collect": { ...named(2, 3), ...texts(4, 8) },
  "EventService/collect": { ...inside(2, { ...FIRST_TWO, ...texts(3) }), ...texts(1, 3, 5) },
  "ConfigurationDiscoveryService/fetchConfigurations": { ...SERVICE_ONLY, ...texts(2) },
  "BrowserPerfService/collectPerfData": { ...SERVICE_ONLY, ...texts(2, 4) },
  "BrowserPerfService/collectWebVitalsPerfData": SERVICE_ONLY,
  "BrowserPerfService/collectResourcePerfData": SERVICE_ONLY,
  "BrowserPerfService/collectWebInteractionsPerfData": SERVICE_ONLY,
  "BrowserPerfService/collectErrorLogs": {
    2: "service",
    ...texts(1, 3, 5, 7, 8, 11, 12),
  },
  "ProfileTask/getProfileTaskCommands": FIRST_TWO,
  "ProfileTask/reportTaskFinish": { ...FIRST_TWO, ...texts(3) },
  "ProfileTask/collectSnapshot": NOTHING,
  "ProfileTask/goProfileReport": NOTHING,
  "SpanAttachedEventReportService/collect": NOTHING,
  "ContinuousProfilingService/queryPolicies": inside(1, SERVICE_ONLY),
  "ContinuousProfilingService/reportProfilingTask": named(2, 3),
  "EBPFProcessService/reportProcesses": inside(1, {
    ...inside(1, inside(1, PROCESS)),
    ...inside(2, inside(1, PROCESS)),
  }),
  "EBPFProcessService/keepAlive": inside(1, inside(1, PROCESS)),
  "EBPFProfilingService/queryTasks": NOTHING,
  "EBPFProfilingService/collectProfilingData": NOTHING,
};

/** Of the package skywalking.v10. */
const PROFILERS: Readonly<Record<string, ClaimShape>> = {
  "AsyncProfilerTask/collect": inside(1, FIRST_TWO),
  "AsyncProfilerTask/getAsyncProfilerTaskCommands": FIRST_TWO,
  "PprofTask/collect": inside(1, FIRST_TWO),
  "PprofTask/getPprofTaskCommands": FIRST_TWO,
};

/** ExportTraceServiceRequest and its two sisters: resources, of each the resource, of that the attributes. */
const OTLP: ClaimShape = {
  1: { isResource: true, inside: { ...inside(1, { 1: "attributes" }), ...texts(3) } },
};

const OTHERS: Readonly<Record<string, ClaimShape>> = {
  "/opentelemetry.proto.collector.trace.v1.TraceService/Export": OTLP,
  "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": OTLP,
  "/opentelemetry.proto.collector.logs.v1.LogsService/Export": OTLP,
  "/grpc.health.v1.Health/Check": NOTHING,
  "/grpc.health.v1.Health/Watch": NOTHING,
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": NOTHING,
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": NOTHING,
};

const GRPC: ReadonlyMap<string, ClaimShape> = new Map([
  ...Object.entries(SKYWALKING).flatMap(([method, shape]): [string, ClaimShape][] => [
    [`/skywalking.v3.${method}`, shape],
    [`/${method}`, shape],
  ]),
  ...Object.entries(PROFILERS).map(([method, shape]): [string, ClaimShape] => [
    `/skywalking.v10.${method}`,
    shape,
  ]),
  ...Object.entries(OTHERS),
]);

/**
 * Tells where the claims of a gRPC method's requests stand (requirements 5.3; the .proto files of skywalking-data-collect-protocol and of
 * opentelemetry-proto).
 *
 * @param path as it came: "/package.Service/Method"
 * @returns undefined for a method of which that is not known
 */
export function shapeOfMethod(path: string): ClaimShape | undefined {
  return GRPC.get(path);
}

/** What a plain HTTP path takes. */
export type HttpClaims = "otlp" | "skywalking" | "skywalking-event";

const HTTP: ReadonlyMap<string, HttpClaims> = new Map([
  ["/v1/traces", "otlp"],
  ["/v1/metrics", "otlp"],
  ["/v1/logs", "otlp"],
  ["/v3/management/reportProperties", "skywalking"],
  ["/v3/management/keepAlive", "skywalking"],
  ["/v3/segment", "skywalking"],
  ["/v3/segments", "skywalking"],
  ["/v3/logs", "skywalking"],
  ["/v3/events", "skywalking-event"],
]);

/**
 * Tells what a path of OTLP/HTTP or of SkyWalking's HTTP takes.
 *
 * @param path as it came, with its query
 * @returns undefined for a path of which that is not known
 */
export function claimsOfPath(path: string): HttpClaims | undefined {
  return HTTP.get(path.split("?", 1)[0] ?? "");
}

/** The messages of OTLP over HTTP are those of gRPC. */
export const OTLP_SHAPE: ClaimShape = OTLP;
