import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";

/** A program that reports segments by grpc-js, as SkyWalking's agents do. */
export interface SegmentClient extends AsyncDisposable {
  /**
   * Reports segments in one call.
   *
   * @param traceIds of the segments, in order
   * @returns the error of gRPC, or undefined once it was told that they were taken
   */
  collect(traceIds: readonly string[]): Promise<ServiceError | undefined>;
  /** Asks for something that only a backend knows. */
  ask(): Promise<ServiceError | undefined>;
}

const bytesOf = (bytes: Buffer): Buffer => bytes;

/**
 * Makes one; it dials when it calls.
 *
 * @param address of the edge, or of whatever takes segments
 */
export function segmentClient(address: string): SegmentClient {
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.primary_user_agent": "segment-client/1",
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 200,
  });
  return {
    collect: (traceIds) =>
      new Promise((resolve) => {
        const call = client.makeClientStreamRequest(
          "/skywalking.v3.TraceSegmentReportService/collect",
          bytesOf,
          bytesOf,
          (error) => resolve(error ?? undefined),
        );
        for (const traceId of traceIds) call.write(segmentOf(traceId));
        call.end();
      }),
    ask: () =>
      new Promise((resolve) => {
        client.makeUnaryRequest(
          "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations",
          bytesOf,
          bytesOf,
          Buffer.alloc(0),
          (error) => resolve(error ?? undefined),
        );
      }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

function segmentOf(traceId: string): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(traceId);
  writer.tag(4, WireType.LengthDelimited).string("demo");
  return Buffer.from(writer.finish());
}
