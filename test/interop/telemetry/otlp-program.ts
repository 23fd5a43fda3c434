/**
 * A program that exports one span by OpenTelemetry's exporters as published. Where it goes, how, and by which certificates, is said by
 * nothing but environment variables. Prints how that ended.
 *
 * Usage: otlp-program.ts SPAN_NAME
 */
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { type ReadableSpan, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

const isHttp = process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] === "http/protobuf";
const exporter = isHttp ? new HttpExporter() : new GrpcExporter();
const told = {
  export: (spans: ReadableSpan[], done: (result: { code: number; error?: Error }) => void): void =>
    exporter.export(spans, (result) => {
      const { code, error } = result;
      process.stdout.write(
        `${JSON.stringify({ event: "exported", code, text: error?.message })}\n`,
      );
      done(result);
    }),
  shutdown: () => exporter.shutdown(),
};
const provider = new TracerProvider({
  spanProcessors: [new SimpleSpanProcessor({ exporter: told })],
});
provider
  .getTracer("otlp-program")
  .startSpan(process.argv[2] ?? "span")
  .end();
await provider.forceFlush();
await provider.shutdown();
