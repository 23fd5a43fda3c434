import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import { requireIdentity } from "./identity-check.ts";
import { serverSettings, type TlsIdentity } from "./tls-settings.ts";

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
}): ShownIdentities {
  const { clientRootsPem, ownName } = options;
  let own = contextOf(options.identity, clientRootsPem);
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
      const next = contextOf(identity, clientRootsPem);
      const nextOthers = others && { ...others, ...shownToOthers(others.front, identity) };
      [own, others] = [next, nextOthers];
    },
    replaceOthers: (front) => {
      others = front && { front, ...shownToOthers(front, own.identity) };
    },
  };
}

interface SettledContext {
  readonly front: OtherFront;
  readonly settings: TlsOptions;
}

function shownToOthers(front: OtherFront, own: TlsIdentity): Pick<SettledContext, "settings"> {
  return { settings: contextOf(front.identity ?? own, front.clientRootsPem).settings };
}

function contextOf(
  identity: TlsIdentity,
  clientRootsPem: string,
): {
  readonly identity: TlsIdentity;
  readonly settings: TlsOptions;
  readonly context: SecureContext;
} {
  requireIdentity(identity);
  const settings = serverSettings(identity, clientRootsPem);
  // Made here already: setSecureContext would keep half of a refused identity.
  return { identity, settings, context: createSecureContext(settings) };
}
