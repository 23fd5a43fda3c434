/* Equipment: telemetry written by decoders' own writers. No tests of its own. */
import { createRequire } from "node:module";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message of google-protobuf, as skywalking-backend-js brings it along: setters by name, bytes out, and bytes in. */
export interface GoogleMessage {
  serializeBinary(): Uint8Array;
  toObject(): Readonly<Record<string, unknown>>;
}

interface GoogleClass {
  new (): GoogleMessage;
  deserializeBinary(bytes: Uint8Array): GoogleMessage;
}

const require = createRequire(import.meta.url);

/**
 * A class of the published protocol.
 *
 * @param file such as "language-agent/Tracing"
 * @param name such as "SegmentObject"
 */
export function googleClass(file: string, name: string): GoogleClass {
  const path = `skywalking-backend-js/lib/proto/${file}_pb.js`;
  return (require(path) as Record<string, GoogleClass>)[name] as GoogleClass;
}

/**
 * Makes a message with fields set.
 *
 * @param of its class
 * @param fields by their names as setters have them, such as Service
 */
export function googleMessage(of: GoogleClass, fields: Readonly<Record<string, unknown>>) {
  const message = new of();
  for (const [name, value] of Object.entries(fields)) {
    const setter: unknown = Reflect.get(message, `set${name}`);
    if (typeof setter === "function") Reflect.apply(setter, message, [value]);
  }
  return message;
}

/** A text value of AnyValue, or bytes of one of another kind. */
export type WrittenValue = string | Uint8Array;

/**
 * Writes a request of OTLP.
 *
 * @param resources attributes of each, in order
 */
export function otlpRequest(
  resources: readonly (readonly (readonly [key: string, value: WrittenValue])[])[],
): Buffer {
  const writer = new BinaryWriter();
  for (const attributes of resources) {
    const resource = new BinaryWriter();
    for (const [key, value] of attributes) {
      const any =
        typeof value === "string"
          ? new BinaryWriter().tag(1, WireType.LengthDelimited).string(value).finish()
          : value;
      const pair = new BinaryWriter()
        .tag(1, WireType.LengthDelimited)
        .string(key)
        .tag(2, WireType.LengthDelimited)
        .bytes(any)
        .finish();
      resource.tag(1, WireType.LengthDelimited).bytes(pair);
    }
    const spans = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .bytes(resource.finish())
      .tag(2, WireType.LengthDelimited)
      .bytes(Buffer.from("scope spans, which nobody reads"))
      .finish();
    writer.tag(1, WireType.LengthDelimited).bytes(spans);
  }
  return Buffer.from(writer.finish());
}

/** One field of bytes or text. */
export function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.from(
    new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish(),
  );
}
