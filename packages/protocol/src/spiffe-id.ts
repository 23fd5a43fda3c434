import { isAgentId } from "./agent-id.ts";
import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";
import { isNamespace, isTrustDomain } from "./names.ts";
import { utf8Length } from "./utf8.ts";

/** Who a certificate names: an agent of a namespace, or central (DESIGN section 2). */
export type SpiffeId =
  | {
      readonly kind: "agent";
      readonly trustDomain: string;
      readonly namespace: string;
      readonly agentId: string;
    }
  | { readonly kind: "central"; readonly trustDomain: string };

const SCHEME = "spiffe://";

/**
 * Reads a SPIFFE ID of the two forms Tautline uses; the one parser, which refuses and never normalises (threat A13).
 *
 * @param text `spiffe://<namespace>.<trust-domain>/agent/<id>` or `spiffe://<trust-domain>/central`, nothing before or after it
 * @throws value.spiffe_id
 */
export function parseSpiffeId(text: string): SpiffeId {
  const maxBytes = LIMITS.spiffeIdBytes.value;
  if (text.length > maxBytes || utf8Length(text) > maxBytes) {
    throw refused(`it is longer than ${maxBytes} bytes`);
  }
  if (!text.startsWith(SCHEME)) throw refused("it does not start with spiffe:// in lower case");
  const [host = "", ...segments] = text.slice(SCHEME.length).split("/");
  const [role, id, ...more] = segments;
  if (role === "central" && id === undefined) return centralOf(host);
  if (role === "agent" && id !== undefined && more.length === 0) return agentOf(host, id);
  throw refused("its path is neither /central nor /agent/<id>");
}

/**
 * Writes a SPIFFE ID; what it writes, `parseSpiffeId` reads.
 *
 * @param id the parts
 * @throws value.spiffe_id when a part is not of its form
 */
export function formatSpiffeId(id: SpiffeId): string {
  if (id.kind === "central") {
    centralOf(id.trustDomain);
    return `${SCHEME}${id.trustDomain}/central`;
  }
  // Judged part by part: a dot in the namespace would shift the border to the trust domain.
  if (!isNamespace(id.namespace)) throw refused("its namespace is not a DNS label");
  const host = agentHost(id.namespace, id.trustDomain);
  agentOf(host, id.agentId);
  return `${SCHEME}${host}/agent/${id.agentId}`;
}

/**
 * The host in the SPIFFE IDs of a namespace's agents: what X.509 name constraints see of them.
 *
 * @param namespace a DNS label
 * @param trustDomain a DNS name
 */
export function agentHost(namespace: string, trustDomain: string): string {
  return `${namespace}.${trustDomain}`;
}

function centralOf(host: string): SpiffeId {
  if (!isTrustDomain(host)) throw refused("its host is not a trust domain");
  return { kind: "central", trustDomain: host };
}

function agentOf(host: string, agentId: string): SpiffeId {
  const dot = host.indexOf(".");
  const namespace = host.slice(0, Math.max(dot, 0));
  const trustDomain = host.slice(dot + 1);
  if (!isNamespace(namespace) || !isTrustDomain(trustDomain)) {
    throw refused("its host is not <namespace>.<trust-domain>");
  }
  if (!isAgentId(agentId)) throw refused("its last part is not an agent id");
  return { kind: "agent", trustDomain, namespace, agentId };
}

function refused(reason: string): TautlineError {
  return new TautlineError("value.spiffe_id", { detail: { reason } });
}
