import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { createKeyPair, exportPrivateKey, toPem } from "@tautline/pki";
import type { TlsIdentity } from "@tautline/link";
import type { Store } from "../store/store.ts";
import type { CertificateAuthority } from "./authority.ts";
import { certificateRow } from "./certificate-store.ts";

/** Central's own certificate, renewed while central runs. */
export interface CentralIdentity {
  /** What listeners show now; a fresh key with every certificate. */
  current(): TlsIdentity;
  /** Issues the next one and tells `onRenewed`. */
  renew(): Promise<void>;
}

export interface CentralIdentityDeps {
  readonly store: Store;
  readonly authority: CertificateAuthority;
  /** Further names and addresses under which central is dialled, without ports. */
  readonly names: readonly string[];
}

/**
 * Issues central's certificate and keeps the one in use.
 *
 * @param deps authority and names
 * @param onRenewed told of each later one
 */
export async function openCentralIdentity(
  deps: CentralIdentityDeps,
  onRenewed: (identity: TlsIdentity) => void,
): Promise<CentralIdentity> {
  let identity = await issue(deps);
  return {
    current: () => identity,
    renew: async () => {
      identity = await issue(deps);
      onRenewed(identity);
    },
  };
}

async function issue({ store, authority, names }: CentralIdentityDeps): Promise<TlsIdentity> {
  const { privateKey, publicKey } = createKeyPair("p256");
  const { dnsNames, ipAddresses } = ownNames(names);
  const issued = authority.issueCentralLeaf({ dnsNames, ipAddresses, publicKey });
  await store.write((trx) =>
    trx.insertInto("certificates").values(certificateRow(issued)).execute(),
  );
  // The root goes along: joining agents know nothing but its pin.
  const chainPem = toPem([issued.certificate, authority.servicesIntermediate, authority.root]);
  return { keyPem: exportPrivateKey(privateKey), chainPem };
}

/** Every name and address this host answers to, and those the settings add. */
export function ownNames(added: readonly string[]): { dnsNames: string[]; ipAddresses: string[] } {
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const addresses = interfaces
    .map((each) => each.address)
    .filter((address) => !address.startsWith("fe80:"));
  const all = [
    ...new Set(["localhost", hostname().toLowerCase(), "127.0.0.1", "::1", ...addresses, ...added]),
  ];
  return {
    dnsNames: all.filter((name) => isIP(name) === 0),
    ipAddresses: all.filter((name) => isIP(name) !== 0),
  };
}

/**
 * The addresses that join tokens name where the settings say none: this host's own, those seen from outside first.
 *
 * @param port the agents' port
 * @returns `host:port` each, IPv6 in brackets
 */
export function ownAddresses(port: number): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = interfaces.filter((each) => !each.internal && !each.address.startsWith("fe80:"));
  const hosts = [...outside.map((each) => each.address), "127.0.0.1"];
  return [...new Set(hosts)].map((host) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`);
}
