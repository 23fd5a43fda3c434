import { TautlineError } from "@tautline/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Principal } from "../operators/principal.ts";
import type { Verb } from "./verb.ts";
import { z } from "zod";

const NO_QUERY = z.strictObject({});

/**
 * Mounts the operator's API. Each request is judged twice by the same rule: by the role before its body is read, and by what it
 * touches when that is known.
 *
 * @param app where
 * @param verbs what
 * @param principalOf finds out whose request it is; throws where it is nobody's
 */
export function mountRoutes(
  app: FastifyInstance,
  verbs: readonly Verb[],
  principalOf: (request: FastifyRequest) => Principal,
): void {
  const principals = new WeakMap<FastifyRequest, Principal>();
  for (const verb of verbs) {
    const { method, path: url, params, query = NO_QUERY, body, status } = verb;
    app.route({
      method,
      url,
      schema: { querystring: query, ...(params && { params }), ...(body && { body }) },
      onRequest: async (request) => {
        const who = principalOf(request);
        verb.requireCall(who);
        principals.set(request, who);
      },
      handler: async (request, reply) => {
        // Set by the hook above, which runs first or not at all.
        const who = principals.get(request) ?? principalOf(request);
        const answer = await verb.run(request, who);
        if (verb.upgrade !== undefined) {
          const detail = { protocol: verb.upgrade };
          throw new TautlineError("api.upgrade_required", { detail });
        }
        // Fastify streams what is a stream, as fast as the caller reads.
        if (verb.media !== undefined) reply.type(verb.media);
        return reply.status(status).send(status === 204 ? undefined : answer);
      },
    });
  }
}
