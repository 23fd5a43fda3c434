import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Registry } from "prom-client";

/** What probes and monitoring are told. */
export interface HealthDeps {
  readonly registry: Registry;
  /** Whether central can do its work: started, not stopping, the database answers. */
  readonly isReady: () => Promise<boolean>;
}

/**
 * Mounts what probes and monitoring ask for: `/healthz` and `/readyz` without detail, `/metrics` for callers on this host and
 * for those who may see them.
 *
 * @param app where
 * @param deps what they tell
 * @param requireViewer throws where a caller from another host may not see the metrics
 */
export function mountHealth(
  app: FastifyInstance,
  { registry, isReady }: HealthDeps,
  requireViewer: (request: FastifyRequest) => void,
): void {
  app.get("/healthz", async (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", async (_request, reply) => {
    const ready = await isReady();
    return reply
      .status(ready ? 200 : 503)
      .type("text/plain")
      .send(ready ? "ready\n" : "not ready\n");
  });
  app.get("/metrics", async (request, reply) => {
    if (!isLocal(request.socket.remoteAddress)) requireViewer(request);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

const LOOPBACK_V4 = /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/;

/** A unix socket has no remote address. */
function isLocal(address: string | undefined): boolean {
  return address === undefined || address === "::1" || LOOPBACK_V4.test(address);
}
