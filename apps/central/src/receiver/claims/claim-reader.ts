import type { CallHead } from "@tautline/link";
import { CLAIM_LIMITS, type FoundClaims } from "./claim.ts";
import { claimsOfPath, type HttpClaims, OTLP_SHAPE, shapeOfMethod } from "./claim-shapes.ts";
import { readClaims } from "./read-claims.ts";
import { readJsonClaims } from "./read-claims-json.ts";
import { unpack } from "./unpack.ts";

/** Reads the messages of one call. */
export interface ClaimReader {
  readonly largestBytes: number;
  /** @returns what the message claims; never throws */
  read(message: Buffer, compressed: boolean): FoundClaims;
}

/**
 * Makes the reader of a call's messages, by what its head says they are.
 *
 * @param head of the call
 * @returns or why its messages cannot be read: nothing of it may be carried then where claims are judged
 */
export function readerOf(
  head: Pick<CallHead, "path" | "isGrpc" | "headers">,
): ClaimReader | { readonly unreadable: string } {
  return head.isGrpc ? grpcReader(head) : httpReader(head);
}

function grpcReader({
  path,
  headers,
}: Pick<CallHead, "path" | "headers">): ClaimReader | { readonly unreadable: string } {
  const shape = shapeOfMethod(path);
  if (shape === undefined) return { unreadable: `central does not know what ${path} takes` };
  if (JSON_CODEC.test(typeOf(headers))) return { unreadable: "its messages are not protobuf" };
  const encoding = String(headers["grpc-encoding"] ?? "identity");
  return {
    largestBytes: CLAIM_LIMITS.messageBytes,
    read: (message, compressed) => {
      const plain = compressed ? unpack(message, encoding) : message;
      return typeof plain === "string" ? { unreadable: plain } : readClaims(plain, shape);
    },
  };
}

/** "application/grpc" and "application/grpc+proto" are protobuf; whatever else stands behind the plus is not. */
const JSON_CODEC = /^application\/grpc\+(?!proto$)/;

function httpReader({
  path,
  headers,
}: Pick<CallHead, "path" | "headers">): ClaimReader | { readonly unreadable: string } {
  const kind = claimsOfPath(path);
  if (kind === undefined) return { unreadable: "central does not know what this path takes" };
  const read = bodyReader(kind, typeOf(headers));
  if (read === undefined) return { unreadable: "its content-type is none that is read here" };
  const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  return {
    largestBytes: CLAIM_LIMITS.messageBytes,
    read: (body) => {
      const plain = encoding === "identity" ? body : unpack(body, encoding);
      return typeof plain === "string" ? { unreadable: plain } : read(plain);
    },
  };
}

function bodyReader(kind: HttpClaims, type: string): ((body: Buffer) => FoundClaims) | undefined {
  if (type === "application/json") return (body) => readJsonClaims(body, kind);
  const isProtobuf = type === "application/x-protobuf" || type === "application/protobuf";
  return kind === "otlp" && isProtobuf ? (body) => readClaims(body, OTLP_SHAPE) : undefined;
}

/** Without its parameters. */
function typeOf(headers: CallHead["headers"]): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
