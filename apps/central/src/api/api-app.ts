import type { Server as HttpServer } from "node:http";
import type { Logger } from "@tautline/daemon";
import {
  isTautlineError,
  LIMITS,
  TautlineError,
  toProblem,
  toTautlineError,
} from "@tautline/protocol";
import { fastify, type FastifyInstance } from "fastify";
import type { z } from "zod";

export interface ApiAppOptions {
  readonly log: Logger;
  /** An HTTP server whose connections somebody else accepts. */
  readonly server: HttpServer;
}

/**
 * Makes a fastify app on a given HTTP server: bodies bounded, input checked by zod, every refusal a problem document (RFC 9457).
 *
 * @param options log and server
 */
export function createApiApp({ log, server }: ApiAppOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: LIMITS.jsonBytes.value,
    requestTimeout: 30_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: true,
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
    },
    serverFactory: (handler) => server.on("request", handler),
  });
  app.setValidatorCompiler<z.ZodType>(({ schema }) => (value) => {
    const result = schema.safeParse(value);
    if (result.success) return { value: result.data };
    const issue = result.error.issues[0];
    const path = issue?.path.join(".") || "body";
    return {
      error: new TautlineError("api.invalid", {
        detail: { path, reason: issue?.message ?? "not accepted" },
      }),
    };
  });
  app.setNotFoundHandler((_request, reply) => {
    const error = new TautlineError("api.no_route");
    void reply
      .status(error.status)
      .type("application/problem+json")
      .send(JSON.stringify(toProblem(error)));
  });
  app.setErrorHandler((thrown, _request, reply) => {
    const error = explain(thrown);
    if (error.status >= 500) log.error({ err: error }, "a request failed");
    void reply
      .status(error.status)
      .type("application/problem+json")
      .send(JSON.stringify(toProblem(error)));
  });
  return app;
}

/** Fastify's own refusals (bad JSON, too large, wrong content type) are the caller's mistakes, not ours. */
function explain(thrown: unknown): TautlineError {
  if (isTautlineError(thrown)) return thrown;
  const { statusCode, message } = thrown as { statusCode?: unknown; message?: unknown };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return new TautlineError("api.invalid", {
      cause: thrown,
      detail: { path: "request", reason: String(message) },
    });
  }
  return toTautlineError(thrown);
}
