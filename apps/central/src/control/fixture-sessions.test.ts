/* Equipment: what sessions are begun with, of a core. No tests of its own. */
import { createClaimStore } from "../fleet/claim-store.ts";
import { createPrograms, type Programs } from "../programs/programs.ts";
import { herdOf, type Core, LIFETIMES } from "../fixture-core.test.ts";
import type { AgentSessionDeps } from "./agent-session.ts";
import type { ClaimSessionDeps } from "./claim-session.ts";
import type { RenewalSessionDeps } from "./renewal-session.ts";

/** What renewing needs, of a core. */
export function renewingOf(core: Core): RenewalSessionDeps {
  const { store, authority, audit, instructor, clock } = core;
  return {
    renewal: { store, authority, audit, now: clock.now },
    grant: { authority, instructor, addresses: () => ["127.0.0.1:9150"] },
  };
}

const ownNames = () => ({
  dnsNames: ["localhost", "central.example.org"],
  ipAddresses: ["127.0.0.1", "::1", "192.0.2.1"],
});

/** Certificates of programs on a core whose central is called central.example.org, at 192.0.2.1. */
export function programsOf({ store, audit, authority, clock }: Core): Programs {
  const keptLifetimeMs = LIFETIMES.fileLifetime;
  return createPrograms({ store, audit, authority, now: clock.now, keptLifetimeMs, ownNames });
}

/** What the session of an agent needs, of a core. */
export function sessionDepsOf(core: Core): AgentSessionDeps {
  const { agents, life, settings, instructions, metrics, clock, store } = core;
  const renewing = renewingOf(core);
  const { witness } = core.trail;
  const addresses = { wantedBy: () => undefined, toldTo: () => ["127.0.0.1:9150"] };
  const moves = { openOf: () => undefined, noteOffer: () => {}, reread: async () => {} };
  const stores = { agents, life, settings, instructions, store, addresses, moves };
  const { answering } = programsOf(core);
  return { ...stores, metrics, now: clock.now, renewing, witness, answering };
}

/** What the session of somebody without an identity needs, of a core. */
export function claimDepsOf(core: Core): ClaimSessionDeps {
  const { store, clock, authority } = core;
  return {
    claims: createClaimStore({ store, now: clock.now, sources: herdOf(core).sources }),
    judge: () => undefined,
    reopenings: { covers: () => false, noteTold: async () => {} },
    promotion: () => authority.signPromotion(["127.0.0.1:9150"]),
  };
}
