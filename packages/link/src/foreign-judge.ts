import type { X509Certificate } from "node:crypto";
import { serialOf, spkiPin, verifyChain } from "@tautline/pki";
import type { ClientVerdict, JudgeClient } from "./client-judge.ts";

/**
 * Makes the judge for a port that also takes client certificates of an existing PKI (SW-8). Our own judge comes first; only a
 * certificate that no authority of ours issued is judged by the other PKI's, by RFC 5280's own rules.
 *
 * Whatever that certificate says, it gives no identity in this fleet: the verdict is `foreign`, without a SPIFFE ID.
 *
 * @param own the judge for agents
 * @param options `authorities` of the other PKI, asked at every connection; none leaves everything to `own`; `now` in ms since 1970
 */
export function withForeignClients(
  own: JudgeClient,
  options: {
    readonly authorities: () => readonly X509Certificate[];
    readonly now: () => number;
  },
): JudgeClient {
  return (leaf, intermediates) => {
    const verdict = own(leaf, intermediates);
    const authorities = options.authorities();
    const isStrange = "refuse" in verdict && verdict.refuse.code === "pki.chain_untrusted";
    if (leaf === undefined || !isStrange || authorities.length === 0) return verdict;
    return judgeForeign({ leaf, intermediates, authorities, at: new Date(options.now()) });
  };
}

function judgeForeign({
  leaf,
  intermediates,
  authorities,
  at,
}: {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
  readonly authorities: readonly X509Certificate[];
  readonly at: Date;
}): ClientVerdict {
  const issuers = new Set([leaf, ...intermediates].map((each) => each.issuer));
  const verdict = verifyChain({
    leaf,
    intermediates: [...intermediates],
    roots: authorities.filter((each) => issuers.has(each.subject)),
    at,
    purpose: "client",
    rules: "existing",
  });
  if (!verdict.ok) return { refuse: verdict.error };
  return {
    level: "mtls",
    foreign: {
      subject: leaf.subject?.replaceAll("\n", ", ") ?? "",
      serial: serialOf(leaf),
      keyPin: spkiPin(leaf).toString("hex"),
      expiresAtMs: leaf.validToDate.getTime(),
    },
  };
}
