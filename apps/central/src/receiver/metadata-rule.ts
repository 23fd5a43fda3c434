import { CLIENT_TOKEN_PREFIX, type ClientToken, parseClientToken } from "@tautline/protocol";
import { namespaceOfCall, type ReceiverLink, type ShownToken } from "./caller.ts";

/** Under these names backends are told who calls; whatever a caller says under them itself is stripped. */
export const CALLER_METADATA = {
  /** A SPIFFE ID, `client:NAME`, `key:NAME`, `program:NAME` or `certificate:PIN`; absent where nobody was proven. */
  identity: "tautline-identity",
  /** The client whose token the call showed. */
  client: "tautline-client",
  namespace: "tautline-namespace",
  level: "tautline-level",
  /** Of the caller's connection, without a port. */
  address: "tautline-address",
} as const;

/** What no caller may say of itself: ours, and what proxies in front of a backend say of client certificates. */
const SPOOFABLE = ["tautline-*", "x-forwarded-client-cert", "ssl-client-*", "x-ssl-client-*"];

/**
 * Says what a call tells its backend of its caller. Pure.
 *
 * @param link the caller's
 * @param token that it showed
 */
export function metadataOf(
  {
    evidence,
    identity,
    remoteAddress,
  }: Pick<ReceiverLink, "evidence" | "identity" | "remoteAddress">,
  token: ShownToken,
): Readonly<Record<string, string>> {
  const client = token.kind === "proven" ? token.client.name : undefined;
  const who = identityText(identity) ?? (client === undefined ? undefined : `client:${client}`);
  const namespace = namespaceOfCall(identity, token);
  return {
    [CALLER_METADATA.level]: evidence.level,
    [CALLER_METADATA.address]: remoteAddress,
    ...(who !== undefined && { [CALLER_METADATA.identity]: who }),
    ...(client !== undefined && { [CALLER_METADATA.client]: client }),
    ...(namespace !== undefined && { [CALLER_METADATA.namespace]: namespace }),
  };
}

/** The subject of a certificate of another PKI is that PKI's text: its key alone says who it is. */
function identityText(identity: ReceiverLink["identity"]): string | undefined {
  switch (identity.kind) {
    case "agent":
      return identity.spiffeId;
    case "foreign":
      return `certificate:${identity.peer.keyPin}`;
    case "program":
      return `program:${identity.name}`;
    case "key":
      return `key:${identity.name}`;
    default:
      return undefined;
  }
}

/** Where a call shows a token of ours. */
export interface FoundToken {
  /** Undefined where it begins as one of ours and is none: cut off, mistyped, twice in one header, or under another scheme. */
  readonly token: ClientToken | undefined;
  /** The header that holds it, in lower case. */
  readonly header: "authentication" | "authorization";
}

const BEARER = /^bearer +([^ ]+)$/i;

/**
 * Finds a client's token in the headers of a call: SkyWalking's `authentication` (SW-13), or `authorization: Bearer` as OTLP exporters send
 * it. What has nothing of ours in it is the backend's business and is left as it is; a token that came out wrong is not: it would be told to others.
 *
 * @param headers names in lower case
 * @returns every one there is: two that differ are two claims
 */
export function tokensIn(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): readonly FoundToken[] {
  const bearer = textOf(headers["authorization"]);
  const plain = textOf(headers["authentication"]);
  const found = [
    { text: plain, token: parseClientToken(plain) ?? tokenOf(plain), header: "authentication" },
    { text: bearer, token: tokenOf(bearer), header: "authorization" },
  ] as const;
  return found.flatMap(({ text, token, header }) =>
    text.includes(CLIENT_TOKEN_PREFIX) ? [{ token, header }] : [],
  );
}

function tokenOf(bearer: string): ClientToken | undefined {
  return parseClientToken(BEARER.exec(bearer)?.[1] ?? "");
}

/** A header that came twice is joined with a comma, and is no token then. */
function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === "string" ? value : (value ?? []).join(", ");
}

/**
 * Names what is not passed on: what could be taken for central's word, and the token that was central's own to judge.
 *
 * @param found tokens of ours in the call
 */
export function strippedHeaders(found: readonly FoundToken[]): readonly string[] {
  return [...SPOOFABLE, ...found.map(({ header }) => header)];
}
