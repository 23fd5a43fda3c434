import type { X509Certificate } from "node:crypto";
import { spkiPin } from "@tautline/pki";
import type { StoredAuthority } from "./authority-store.ts";

/** The authorities of this process, as the database has them. */
export class AuthoritySet {
  readonly #byId = new Map<string, StoredAuthority>();
  readonly #pins = new Map<string, string>();
  /** By the name of the subject, which has a part of the key in it. */
  readonly #bySubject = new Map<string, X509Certificate>();
  readonly #agents = new Map<string, StoredAuthority>();
  #services: StoredAuthority | undefined;

  /** @param stored what was read */
  constructor(stored: readonly StoredAuthority[]) {
    for (const each of stored) this.put(each);
  }

  /** Takes one in, or what became of it; of two in one place the retired one gives way. */
  put(authority: StoredAuthority): void {
    const { id, kind, namespace, certificate, isRetired } = authority;
    this.#byId.set(id, authority);
    this.#pins.set(id, spkiPin(certificate).toString("hex"));
    this.#bySubject.set(certificate.subject, certificate);
    if (isRetired) return;
    if (kind === "agents") this.#agents.set(namespace, authority);
    if (kind === "services") this.#services = authority;
  }

  all(): readonly StoredAuthority[] {
    return [...this.#byId.values()];
  }

  find(id: string): StoredAuthority | undefined {
    return this.#byId.get(id);
  }

  pin(id: string): string | undefined {
    return this.#pins.get(id);
  }

  /** Who certifies the agents of a namespace now. */
  agentsOf(namespace: string): StoredAuthority | undefined {
    return this.#agents.get(namespace);
  }

  /** Who certifies central's own names now. */
  services(): StoredAuthority | undefined {
    return this.#services;
  }

  /** Who certified a certificate, by the name that it gives of its issuer; the signature is not looked at. */
  issuerOf(certificate: Pick<X509Certificate, "issuer">): X509Certificate | undefined {
    return this.#bySubject.get(certificate.issuer);
  }

  /** Those that certify now and are no root. */
  intermediates(): readonly StoredAuthority[] {
    return this.all().filter(({ kind, isRetired }) => kind !== "root" && !isRetired);
  }
}
