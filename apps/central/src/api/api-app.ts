import type { Server as HttpServer } from "node:http";
import type { Logger } from "@tautline/daemon";
import {
  isTautlineError,
  LIMITS,
  parseJson,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import { fastify, type FastifyInstance, type FastifyRequest } from "fastify";
import type { z } from "zod";
import { endWithProblem, sendProblem } from "./problem-reply.ts";
import { saidWithAnswers } from "./said-with-answers.ts";

/** What an app is made on. */
export interface ApiAppOptions {
  readonly log: Logger;
  /** An HTTP server whose connections somebody else accepts. */
  readonly server: HttpServer;
  /** What callers are told who ask for what is not there, in whatever spelling (A8); api.no_route unless told otherwise. */
  readonly unknownRoute?: (request: FastifyRequest) => TautlineError;
  /** What callers are told of an error; all of it unless told otherwise. */
  readonly tell?: (error: TautlineError) => TautlineError;
  /** With it every answer tells this time, in milliseconds since the epoch. */
  readonly now?: () => number;
  /** With it every answer says which version central is and which levels it accepts. */
  readonly offer?: () => string;
}

/**
 * Makes a fastify app on a given HTTP server: bodies bounded, input checked by zod, every refusal a problem document (RFC 9457).
 * It reads no body until it is told which (`acceptJson`).
 *
 * @param options log, server, and what is told to whom
 */
export function createApiApp(options: ApiAppOptions): FastifyInstance {
  const { log, server, unknownRoute = noRoute, tell = (error) => error } = options;
  const app: FastifyInstance = fastify({
    bodyLimit: LIMITS.jsonBytes.value,
    exposeHeadRoutes: false,
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
    },
    // Addresses that cannot even be decoded never reach a route.
    frameworkErrors: (_error, request, reply) => {
      sendProblem(reply, unknownRoute(request));
    },
    clientErrorHandler: (error, socket) =>
      endWithProblem(socket, explainParser(error), saidWithAnswers(options)),
    serverFactory: (handler) => server.on("request", handler),
  });
  app.removeAllContentTypeParsers();
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (value) => {
    const result = schema.safeParse(value);
    if (result.success) return { value: result.data };
    return { error: explainIssue(result.error.issues[0], httpPart ?? "body") };
  });
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(saidWithAnswers(options));
  });
  // Before the body is read: what is wrong with it would else be another answer than that there is nothing here.
  app.addHook("onRequest", async (request) => {
    if (request.is404) throw unknownRoute(request);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, unknownRoute(request)));
  app.setErrorHandler((thrown, _request, reply) => {
    const error = explain(thrown);
    const told = tell(error);
    // A caller that hung up is no failure of ours.
    const isOurs = (error.status >= 500 || told !== error) && error.code !== "link.broken";
    if (isOurs && error.code !== "central.stopping") log.error({ err: error }, "a request failed");
    sendProblem(reply, told);
  });
  return app;
}

/**
 * Lets an app read JSON bodies, by the protocol's own rules: bounded depth, no key twice, none that reaches a prototype (A19).
 *
 * @param app an app of `createApiApp`
 */
export function acceptJson(app: FastifyInstance): void {
  const limits = { maxBytes: LIMITS.jsonBytes.value, maxDepth: LIMITS.jsonDepth.value };
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: FastifyRequest, body: Buffer) => parseJson(decodeText(body), limits),
  );
}

function noRoute(): TautlineError {
  return new TautlineError("api.no_route");
}

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new TautlineError("value.utf8", { cause });
  }
}

/**
 * Names the field as the caller wrote it; an unknown one is named itself, not the object around it.
 *
 * @param issue what a schema found first
 * @param part of the request, where no field is to blame
 * @returns api.invalid
 */
export function explainIssue(issue: z.core.$ZodIssue | undefined, part: string): TautlineError {
  const [unknownKey] = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const path = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])];
  const reason = unknownKey === undefined ? (issue?.message ?? "not accepted") : "unknown field";
  return new TautlineError("api.invalid", {
    detail: { path: path.join(".") || part, reason: reason.replace(/\.$/, "") },
  });
}

/** Fastify's own refusals (too large, wrong content type, empty body) are the caller's mistakes, not ours. */
function explain(thrown: unknown): TautlineError {
  if (isTautlineError(thrown)) return thrown;
  const { statusCode, message } = (thrown ?? {}) as { statusCode?: unknown; message?: unknown };
  const reason = String(message).replace(/\.$/, "");
  if (statusCode === 413) {
    return new TautlineError("api.too_large", { cause: thrown, detail: { reason } });
  }
  if (statusCode === 415) {
    return new TautlineError("api.unsupported_media", { cause: thrown, detail: { reason } });
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    const detail = { path: "request", reason };
    return new TautlineError("api.invalid", { cause: thrown, detail });
  }
  return toTautlineError(thrown);
}

/** What Node's HTTP parser could not read. */
function explainParser(error: Error & { readonly code?: string }): TautlineError {
  if (error.code === "HPE_HEADER_OVERFLOW") {
    const reason = "its headers are longer than 16 KiB";
    return new TautlineError("api.too_large", { cause: error, detail: { reason } });
  }
  const reason = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "it took too long" : "it is not HTTP";
  return new TautlineError("api.invalid", { cause: error, detail: { path: "request", reason } });
}
