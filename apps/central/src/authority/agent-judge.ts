import { createClientJudge, type JudgeClient } from "@tautline/link";
import type { CertificateAuthority } from "./authority.ts";

/**
 * Makes the judge of agents' certificates by this central's own root. Our own intermediates are known, so none is taken from a
 * caller: a path is sought among a few certificates only. Serials are looked up in the records (control/admission.ts).
 *
 * @param authority whose agents
 * @param now milliseconds since the epoch
 */
export function createAgentJudge(
  authority: Pick<CertificateAuthority, "trustDomain" | "root" | "issuerOf">,
  now: () => number,
): JudgeClient {
  const judge = createClientJudge({
    trustDomain: authority.trustDomain,
    roots: () => [authority.root],
    isRevoked: () => false,
    now,
  });
  return (leaf) => {
    const issuer = leaf === undefined ? undefined : authority.issuerOf(leaf);
    return judge(leaf, issuer === undefined ? [] : [issuer]);
  };
}
