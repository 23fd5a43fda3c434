import {
  formatTimestamp,
  isNamespace,
  LIMITS,
  parseAgentId,
  parseNamespace,
} from "@tautline/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ApiDeps } from "./api-deps.ts";

/** Who acts over the admin socket; operators get names of their own with their logins. */
export const LOCAL_OPERATOR = "operator:local";

const DAY_MS = 24 * 60 * 60 * 1_000;
const MAX_TOKEN_TTL_MS = 30 * DAY_MS;
const MAX_LIST = 10_000;

const MAX_NAME = 64;

const idParams = z.strictObject({ id: z.string().max(128) });
const namespace = z
  .string()
  .max(MAX_NAME)
  .refine(isNamespace, "it cannot be the name of a namespace");

const ofNamespace = z.strictObject({ namespace: namespace.optional() });

/** The namespace a list is asked for; one that is not there is a mistake, not an empty list. */
async function knownNamespace(
  { namespaces }: ApiDeps,
  request: FastifyRequest,
): Promise<string | undefined> {
  const { namespace: name } = request.query as z.output<typeof ofNamespace>;
  return name === undefined ? undefined : (await namespaces.get(name)).name;
}

/**
 * Mounts the operator's API.
 *
 * @param app where
 * @param deps central's parts
 */
export function mountRoutes(app: FastifyInstance, deps: ApiDeps): void {
  mountStatus(app, deps);
  mountTokens(app, deps);
  mountFleet(app, deps);
  mountNamespaces(app, deps);
  mountSettings(app, deps);
  mountAuthority(app, deps);
  mountAudit(app, deps);
}

function mountStatus(app: FastifyInstance, deps: ApiDeps): void {
  app.get("/api/v1/status", () => deps.status());
  app.get("/api/v1/vault", () => deps.vault.status());
  app.get("/api/v1/routes", () => ({ items: deps.routes() }));
}

function mountTokens(app: FastifyInstance, { tokens }: ApiDeps): void {
  const order = z.strictObject({
    namespace: namespace.default("default"),
    uses: z.int().min(1).max(100_000).default(1),
    ttlMs: z
      .int()
      .min(1_000)
      .max(MAX_TOKEN_TTL_MS)
      .default(60 * 60 * 1_000),
  });
  app.post("/api/v1/tokens", { schema: { body: order } }, async (request, reply) => {
    const wanted = request.body as z.output<typeof order>;
    const { id, token, expiresAtMs } = await tokens.create({
      ...wanted,
      createdBy: LOCAL_OPERATOR,
    });
    const expiresAt = formatTimestamp(expiresAtMs);
    return reply.status(201).send({ id, token, uses: wanted.uses, expiresAt });
  });
  app.get("/api/v1/tokens", async () => ({ items: await tokens.list() }));
  app.post(
    "/api/v1/tokens/:id/revoke",
    { schema: { params: idParams } },
    async (request, reply) => {
      await tokens.revoke((request.params as z.output<typeof idParams>).id, LOCAL_OPERATOR);
      return reply.status(204).send();
    },
  );
}

function mountFleet(app: FastifyInstance, deps: ApiDeps): void {
  const { agents, links, endAgent } = deps;
  app.get("/api/v1/agents", { schema: { querystring: ofNamespace } }, async (request) => ({
    items: await agents.list(await knownNamespace(deps, request)),
  }));
  app.get("/api/v1/agents/:id", { schema: { params: idParams } }, (request) =>
    agents.page(parseAgentId((request.params as z.output<typeof idParams>).id)),
  );
  app.post(
    "/api/v1/agents/:id/revoke",
    { schema: { params: idParams } },
    async (request, reply) => {
      const id = parseAgentId((request.params as z.output<typeof idParams>).id);
      await agents.revoke(id, LOCAL_OPERATOR);
      endAgent(id);
      return reply.status(204).send();
    },
  );
  const ofLinks = z.strictObject({
    kind: z.string().max(16).optional(),
    agent: z.string().max(64).optional(),
  });
  app.get("/api/v1/links", { schema: { querystring: ofLinks } }, async (request) => {
    const { kind, agent } = request.query as z.output<typeof ofLinks>;
    const filter = {
      ...(kind === undefined ? {} : { kind }),
      ...(agent === undefined ? {} : { agent }),
    };
    return { items: await links.list(filter) };
  });
  app.get("/api/v1/links/:id", { schema: { params: idParams } }, (request) =>
    links.get((request.params as z.output<typeof idParams>).id),
  );
}

function mountNamespaces(app: FastifyInstance, { namespaces }: ApiDeps): void {
  const order = z.strictObject({ name: z.string().max(MAX_NAME) });
  const nameParams = z.strictObject({ name: namespace });
  app.get("/api/v1/namespaces", async () => ({ items: await namespaces.list() }));
  app.get("/api/v1/namespaces/:name", { schema: { params: nameParams } }, (request) =>
    namespaces.get((request.params as z.output<typeof nameParams>).name),
  );
  app.post("/api/v1/namespaces", { schema: { body: order } }, async (request, reply) => {
    const name = parseNamespace((request.body as z.output<typeof order>).name);
    return reply.status(201).send(await namespaces.create(name, LOCAL_OPERATOR));
  });
}

function mountSettings(app: FastifyInstance, deps: ApiDeps): void {
  const { settings } = deps;
  /** Empty means every namespace. */
  const place = z.union([z.literal(""), namespace]).default("");
  const put = z.strictObject({
    namespace: place,
    key: z.string().max(256),
    value: z.string().max(LIMITS.attributeBytes.value),
  });
  const named = z.strictObject({ namespace: place, key: z.string().max(256) });
  app.get("/api/v1/settings", { schema: { querystring: ofNamespace } }, async (request) => ({
    items: await settings.list(await knownNamespace(deps, request)),
  }));
  app.put("/api/v1/settings", { schema: { body: put } }, async (request, reply) => {
    await settings.put(request.body as z.output<typeof put>, LOCAL_OPERATOR);
    return reply.status(204).send();
  });
  app.delete("/api/v1/settings", { schema: { querystring: named } }, async (request, reply) => {
    const query = request.query as z.output<typeof named>;
    await settings.remove(query.namespace, query.key, LOCAL_OPERATOR);
    return reply.status(204).send();
  });
}

function mountAuthority(app: FastifyInstance, { certificates }: ApiDeps): void {
  const serialParams = z.strictObject({ serial: z.string().regex(/^[0-9a-f]{1,64}$/) });
  app.get("/api/v1/certificates", async () => ({ items: await certificates.list() }));
  app.get("/api/v1/certificates/:serial", { schema: { params: serialParams } }, (request) =>
    certificates.get((request.params as z.output<typeof serialParams>).serial),
  );
  app.get("/api/v1/authorities", async () => ({ items: await certificates.authorities() }));
}

function mountAudit(app: FastifyInstance, { audit }: ApiDeps): void {
  const query = z.strictObject({
    since: z.iso.datetime({ offset: false }).optional(),
    limit: z.coerce.number().int().min(1).max(MAX_LIST).default(1_000),
  });
  app.get("/api/v1/audit", { schema: { querystring: query } }, async (request) => {
    const { since, limit } = request.query as z.output<typeof query>;
    const sinceMs = since === undefined ? {} : { sinceMs: Date.parse(since) };
    return { items: await audit.list({ ...sinceMs, limit }) };
  });
  app.get("/api/v1/audit/verify", () => audit.verify());
}
