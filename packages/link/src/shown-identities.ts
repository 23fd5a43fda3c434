import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import type { CryptoChoice } from "./crypto-choice.ts";
import { requireIdentity } from "./identity-check.ts";
import { type InnerProtocols, serverSettings, type TlsIdentity } from "./tls-settings.ts";

/** What callers meet that do not ask for the port's own name. */
export interface OtherFront {
  /** Of an existing PKI, leaf first; without it they are shown what everybody is shown. */
  readonly identity?: TlsIdentity | undefined;
  /** Authorities named to them when they are asked for a certificate. */
  readonly clientRootsPem: string;
}

/** Which certificate a port shows to whom. */
export interface ShownIdentities {
  /** Every option of the port, whole: `setSecureContext` forgets what is not repeated. */
  settings(): TlsOptions;
  /** @throws link.identity_rejected, and nothing is changed */
  replaceOwn(identity: TlsIdentity): void;
  /** @throws link.identity_rejected, and nothing is changed */
  replaceOthers(front: OtherFront | undefined): void;
}

/**
 * Keeps what a port shows: its own certificate to callers that ask for its own name, another one to the rest where there is one.
 *
 * @param options `ownName`: without it everybody is shown `identity`
 * @throws link.identity_rejected
 */
export function createShownIdentities(options: {
  readonly identity: TlsIdentity;
  readonly clientRootsPem: string;
  readonly ownName?: string;
  readonly crypto?: CryptoChoice | undefined;
  readonly protocols?: InnerProtocols | undefined;
}): ShownIdentities {
  const { clientRootsPem, ownName, crypto, protocols } = options;
  const spoken = { crypto, protocols };
  let own = contextOf({ identity: options.identity, clientRootsPem }, spoken);
  let others: SettledContext | undefined;
  /** SNI is compared without regard to case (RFC 6066 section 3); Node does not ask for a caller that sends none. */
  const choose: NonNullable<TlsOptions["SNICallback"]> = (name, answer) => {
    const isOwn = others !== undefined && name.toLowerCase() === ownName;
    answer(null, isOwn ? own.context : undefined);
  };
  return {
    settings: () => ({
      ...(others ?? own).settings,
      ...(ownName !== undefined && { SNICallback: choose }),
    }),
    replaceOwn: (identity) => {
      const next = contextOf({ identity, clientRootsPem }, spoken);
      const nextOthers = others && { ...others, ...shownToOthers(others.front, identity, spoken) };
      [own, others] = [next, nextOthers];
    },
    replaceOthers: (front) => {
      others = front && { front, ...shownToOthers(front, own.identity, spoken) };
    },
  };
}

/** What all of them have in common. */
interface Spoken {
  readonly crypto: CryptoChoice | undefined;
  readonly protocols: InnerProtocols | undefined;
}

interface SettledContext {
  readonly front: OtherFront;
  readonly settings: TlsOptions;
}

function shownToOthers(
  { identity, clientRootsPem }: OtherFront,
  own: TlsIdentity,
  spoken: Spoken,
): Pick<SettledContext, "settings"> {
  const { settings } = contextOf({ identity: identity ?? own, clientRootsPem }, spoken);
  return { settings };
}

function contextOf(
  { identity, clientRootsPem }: OtherFront & { readonly identity: TlsIdentity },
  spoken: Spoken,
): {
  readonly identity: TlsIdentity;
  readonly settings: TlsOptions;
  readonly context: SecureContext;
} {
  requireIdentity(identity);
  const settings = serverSettings(identity, clientRootsPem, spoken);
  // Made here already: setSecureContext would keep half of a refused identity.
  return { identity, settings, context: createSecureContext(settings) };
}
