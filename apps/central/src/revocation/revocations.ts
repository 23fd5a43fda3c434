import type { CertificateAuthority, Issuer } from "../authority/authority.ts";
import type { CertificateView } from "../authority/certificate-store.ts";
import {
  type RevocationDeps,
  type RevocationOrder,
  revokeCertificate,
} from "./certificate-revocation.ts";
import type { Crls, PublishedCrl } from "./crl-list.ts";
import type { RevocationWatch } from "./revocation-watch.ts";

/** Revocation as the API does it. */
export interface Revocations {
  /**
   * Revokes a certificate; what it carries in this process is closed when the promise resolves.
   *
   * @throws api.not_found
   */
  revoke(order: RevocationOrder): Promise<CertificateView>;
  issuers(): readonly Issuer[];
  /** An authority's list with all that was revoked before it was asked for. */
  crl(authorityId: string): Promise<PublishedCrl | undefined>;
  /** An authority's list as it was published last. */
  published(authorityId: string): PublishedCrl | undefined;
}

/** What it is made of. */
export interface RevocationParts extends RevocationDeps {
  readonly authority: Pick<CertificateAuthority, "issuers">;
  readonly crls: Crls;
  readonly watch: RevocationWatch;
}

/**
 * Ties record, lists and watch together for the API.
 *
 * @param parts central's
 */
export function createRevocations(parts: RevocationParts): Revocations {
  const { authority, crls, watch } = parts;
  return {
    revoke: async (order) => {
      const revoked = await revokeCertificate(parts, order);
      await watch.look();
      return revoked;
    },
    issuers: () => authority.issuers(),
    crl: async (authorityId) => {
      await crls.refresh();
      return crls.current(authorityId);
    },
    published: (authorityId) => crls.current(authorityId),
  };
}
