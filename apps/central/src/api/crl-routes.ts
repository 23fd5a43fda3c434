import { TautlineError } from "@tautline/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Crls, PublishedCrl } from "../revocation/crl-list.ts";

/** Where the lists are; a list is signed and holds serials only, so whoever asks gets it (RFC 5280 section 8). */
export const CRL_PATH = "/crl/:file";

const FILE = /^([0-9a-f]{1,64})\.crl$/;
/** How long a cache between may go on with an older one. */
const MAX_AGE_S = 60;

/**
 * Mounts the revocation lists as files, `/crl/<id of the authority>.crl`, in DER (RFC 2585 section 4.2). Nothing but memory is
 * asked for a stranger.
 *
 * @param app where
 * @param crls the lists
 */
export function mountCrls(app: FastifyInstance, crls: Pick<Crls, "current">): void {
  app.get(CRL_PATH, async (request: FastifyRequest, reply) => {
    const { file } = request.params as { readonly file: string };
    const crl = crls.current(FILE.exec(file)?.[1] ?? "");
    if (crl === undefined) throw new TautlineError("api.no_route");
    return sendCrl(request, reply, crl);
  });
}

function sendCrl(request: FastifyRequest, reply: FastifyReply, crl: PublishedCrl): FastifyReply {
  const tag = `"${crl.authorityId}-${crl.number}"`;
  reply
    .header("etag", tag)
    .header("cache-control", `public, max-age=${MAX_AGE_S}`)
    .header("last-modified", new Date(crl.thisUpdate).toUTCString());
  const asked = (request.headers["if-none-match"] ?? "").split(",");
  const known = new Set(asked.map((each) => each.trim().replace(/^W\//, "")));
  if (known.has(tag)) return reply.status(304).send();
  return reply.type("application/pkix-crl").send(crl.der);
}
