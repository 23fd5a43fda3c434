import { decodeUtf8, isTautlineError, parseJson } from "@tautline/protocol";
import { CLAIM_LIMITS, type FoundClaims } from "./claim.ts";
import {
  type ClaimCollector,
  collectClaims,
  isReadAttribute,
  UnreadableClaims,
} from "./claim-collector.ts";
import type { HttpClaims } from "./claim-shapes.ts";

/**
 * Reads what a body of JSON claims: OTLP/HTTP and SkyWalking's `/v3/*` are protobuf in its JSON form, which takes the names of fields in
 * two spellings.
 *
 * @param body whole, unpacked
 * @param kind what its path takes
 * @returns the claims, or why the body cannot be read as every reader would (a key twice in one object, for one); never throws
 */
export function readJsonClaims(body: Buffer, kind: HttpClaims): FoundClaims {
  return collectClaims((collector) => {
    const document = parsed(body);
    if (kind === "otlp") return readResources(collector, document);
    for (const each of Array.isArray(document) ? document : [document]) {
      const message = objectOf(each);
      readNames(collector, kind === "skywalking" ? message : objectOf(message["source"]));
    }
  });
}

interface Fields {
  readonly [field: string]: unknown;
}

function parsed(body: Buffer): unknown {
  const { jsonBytes: maxBytes, jsonDepth: maxDepth } = CLAIM_LIMITS;
  try {
    return parseJson(decodeUtf8(body), { maxBytes, maxDepth });
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    throw new UnreadableClaims(String(error.detail["reason"] ?? "it is not UTF-8"));
  }
}

/** Null and what is not there claim nothing. */
function objectOf(value: unknown): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return { ...value };
  throw new UnreadableClaims("it has something else where an object should be");
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new UnreadableClaims("it has something else where a list should be");
}

function readNames(collector: ClaimCollector, message: Fields): void {
  for (const kind of ["service", "instance"] as const) {
    const keys = kind === "service" ? ["service"] : ["serviceInstance", "service_instance"];
    for (const text of keys.map((key) => message[key])) {
      if (text === undefined || text === null) continue;
      if (typeof text !== "string") throw new UnreadableClaims(`its ${kind} is no text`);
      collector.add(kind, shortEnough(text));
    }
  }
}

function readResources(collector: ClaimCollector, document: unknown): void {
  const message = objectOf(document);
  for (const key of RESOURCES) {
    for (const each of listOf(message[key])) {
      collector.beginResource();
      const { resource } = objectOf(each);
      for (const attribute of listOf(objectOf(resource)["attributes"])) {
        readAttribute(collector, objectOf(attribute));
      }
      collector.endResource();
    }
  }
}

const RESOURCES = [
  "resourceSpans",
  "resource_spans",
  "resourceMetrics",
  "resource_metrics",
  "resourceLogs",
  "resource_logs",
];

function readAttribute(collector: ClaimCollector, { key, value }: Fields): void {
  if (typeof key !== "string" || !isReadAttribute(key)) return;
  for (const [kind, text] of Object.entries(objectOf(value))) {
    const isText = (kind === "stringValue" || kind === "string_value") && typeof text === "string";
    collector.attribute(key, isText ? shortEnough(text) : undefined);
  }
}

function shortEnough(text: string): string {
  if (text.length <= CLAIM_LIMITS.nameBytes) return text;
  throw new UnreadableClaims(`a name in it is longer than ${CLAIM_LIMITS.nameBytes} bytes`);
}
