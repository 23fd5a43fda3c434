import { TautlineError } from "@tautline/protocol";

/** A call that was taken for a backend that cannot be reached, whole. */
export interface KeptCall {
  /** The path it was made to, with its query. */
  readonly path: string;
  readonly isGrpc: boolean;
  /** What is sent on of its headers: names in lower case and values, one after the other, as they came. */
  readonly headers: readonly string[];
  /** Who made it, for people; see `clientOf`. */
  readonly client: string;
  /** The body as it came: gRPC's frames with their heads, or HTTP's content. */
  readonly body: Uint8Array;
}

const LENGTH_BYTES = 4;

/**
 * Writes a call as one value: the length of a JSON head in 4 bytes, big endian, that head, and the body.
 *
 * @param call to be kept
 */
export function encodeKeptCall({ body, ...head }: KeptCall): Buffer {
  const json = Buffer.from(JSON.stringify(head), "utf8");
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, body]);
}

/**
 * Reads what `encodeKeptCall` wrote. It comes out of the vault, so only an agent of another version can have written it otherwise.
 *
 * @param bytes whole
 * @throws agent.edge_record_unknown
 */
export function decodeKeptCall(bytes: Buffer): KeptCall {
  if (bytes.length < LENGTH_BYTES) throw unknownRecord();
  const end = LENGTH_BYTES + bytes.readUInt32BE(0);
  if (end > bytes.length) throw unknownRecord();
  const head = parse(bytes.toString("utf8", LENGTH_BYTES, end));
  if (!isHead(head)) throw unknownRecord();
  const { path, isGrpc, headers, client } = head;
  return { path, isGrpc, headers, client, body: bytes.subarray(end) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isHead(value: unknown): value is Omit<KeptCall, "body"> {
  const { path, isGrpc, headers, client } = { ...(value as Partial<KeptCall> | undefined) };
  return (
    typeof path === "string" &&
    typeof isGrpc === "boolean" &&
    typeof client === "string" &&
    Array.isArray(headers) &&
    headers.every((one) => typeof one === "string")
  );
}

function unknownRecord(): TautlineError {
  return new TautlineError("agent.edge_record_unknown");
}
