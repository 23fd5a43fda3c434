import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { Ends } from "../metrics.ts";
import type { Crls } from "./crl-list.ts";

/** What has an end. */
export interface ExpiryDeps {
  readonly authority: Pick<CertificateAuthority, "issuers">;
  readonly identity: Pick<CentralIdentity, "endsAtMs">;
  readonly crls: Pick<Crls, "current">;
  readonly now: () => number;
}

/**
 * Tells how long it is until certificates and lists end, the earliest of each kind.
 *
 * @param deps the authorities, central's own certificate, the lists and the clock
 */
export function readEnds({ authority, identity, crls, now }: ExpiryDeps): Ends {
  const nowMs = now();
  const certificates = new Map<string, number>();
  const lists = new Map<string, number>();
  const note = (ends: Map<string, number>, kind: string, endMs: number): void => {
    const seconds = (endMs - nowMs) / 1_000;
    ends.set(kind, Math.min(ends.get(kind) ?? Infinity, seconds));
  };
  note(certificates, "central", identity.endsAtMs());
  for (const { id, kind, certificate, isRetired } of authority.issuers()) {
    // What was replaced ends as it should.
    if (isRetired) continue;
    note(certificates, kind, certificate.validToDate.getTime());
    const list = crls.current(id);
    // A list that is not there is one that has ended.
    note(lists, kind, list?.nextUpdate ?? nowMs);
  }
  return { certificates, crls: lists };
}
