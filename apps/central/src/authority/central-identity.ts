import { createKeyPair, exportPrivateKey, serialOf, toPem } from "@tautline/pki";
import type { TlsIdentity } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { Store } from "../store/store.ts";
import type { CertificateAuthority } from "./authority.ts";
import { certificateRow } from "./certificate-store.ts";
import type { CertifiedNames } from "./own-names.ts";

/** Central's own certificate, renewed while central runs. */
export interface CentralIdentity {
  /** What listeners show now; a fresh key with every certificate. */
  current(): TlsIdentity;
  /** Issues the next one and tells `onRenewed`, once half of the present one's life is over; does nothing before. */
  renewIfDue(): Promise<void>;
  /** The same, if the present one was revoked. */
  renewIfRevoked(): Promise<void>;
  /** When the present one ends; milliseconds since the epoch. */
  endsAtMs(): number;
}

/** What central's own certificate is made of. */
export interface CentralIdentityDeps {
  readonly store: Store;
  readonly authority: CertificateAuthority;
  /** The names and addresses under which central is dialled, asked for at each renewal. */
  readonly names: () => CertifiedNames;
  readonly now: () => number;
}

interface DatedIdentity {
  readonly identity: TlsIdentity;
  readonly serial: string;
  readonly endsAtMs: number;
  readonly renewAtMs: number;
}

/**
 * Issues central's certificate and keeps the one in use.
 *
 * @param deps authority, names and clock
 * @param onRenewed told of each later one, before it counts as the current one: where it fails, it is tried again
 * @throws central.clock_behind
 */
export async function openCentralIdentity(
  deps: CentralIdentityDeps,
  onRenewed: (identity: TlsIdentity) => void,
): Promise<CentralIdentity> {
  let dated = await issue(deps);
  const renew = async (): Promise<void> => {
    const next = await issue(deps);
    onRenewed(next.identity);
    dated = next;
  };
  return {
    current: () => dated.identity,
    endsAtMs: () => dated.endsAtMs,
    renewIfDue: async () => {
      if (deps.now() >= dated.renewAtMs) await renew();
    },
    renewIfRevoked: async () => {
      if (await isRevoked(deps.store, dated.serial)) await renew();
    },
  };
}

async function issue({
  store,
  authority,
  names,
  now,
}: CentralIdentityDeps): Promise<DatedIdentity> {
  const { privateKey, publicKey } = createKeyPair("p256");
  const issuedAtMs = now();
  refuseClockBehind(authority, issuedAtMs);
  const issued = authority.issueCentralLeaf({ ...names(), publicKey });
  await store.write((trx) =>
    trx.insertInto("certificates").values(certificateRow(issued)).execute(),
  );
  // The root goes along: joining agents know nothing but its pin.
  const chainPem = toPem([issued.certificate, authority.servicesIntermediate, authority.root]);
  const endsAtMs = issued.certificate.validToDate.getTime();
  return {
    identity: { keyPem: exportPrivateKey(privateKey), chainPem },
    serial: serialOf(issued.certificate),
    endsAtMs,
    renewAtMs: issuedAtMs + (endsAtMs - issuedAtMs) / 2,
  };
}

async function isRevoked(store: Store, serial: string): Promise<boolean> {
  const row = await store.read((db) =>
    db
      .selectFrom("certificates")
      .select("revoked_at")
      .where("serial", "=", serial)
      .executeTakeFirst(),
  );
  return typeof row?.revoked_at === "number";
}

/** F8: a clock that was set back is named here, before a certificate cannot be issued for a reason that names none. */
function refuseClockBehind({ root }: CertificateAuthority, nowMs: number): void {
  if (nowMs >= root.validFromDate.getTime()) return;
  const madeAt = root.validFromDate.toISOString();
  const now = new Date(nowMs).toISOString();
  throw new TautlineError("central.clock_behind", { detail: { now, madeAt } });
}
