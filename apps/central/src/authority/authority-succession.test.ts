import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { certificatesFromPem, readCrl, serialOf, verifyChain } from "@tautline/pki";
import { createFakeClock, withTempFolder } from "@tautline/testing";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  type JoinedAgent,
  joinOver,
  openControl,
  poll,
  runOn,
  withCentral,
} from "../fixture-central.test.ts";
import { actionsOf, DAY_MS, HOUR_MS, joinNew, openCore, withCore } from "../fixture-core.test.ts";
import type { CentralConfig } from "../config.ts";
import { openCrls } from "../revocation/crl-list.ts";
import { openAuthority } from "./authority.ts";
import { openCentralIdentity } from "./central-identity.ts";

const LIFETIMES = {
  agentLifetime: HOUR_MS,
  centralLifetime: HOUR_MS,
  fileLifetime: HOUR_MS,
  intermediateLifetime: 10 * DAY_MS,
};
const log = createLog("central", "error", { write: () => {} });

const names = () => ({ dnsNames: ["localhost"], ipAddresses: [] });
const pause = (): Promise<void> => Promise.resolve();

const fingerprintOf = (certificate: X509Certificate | undefined): string | undefined =>
  certificate?.fingerprint256;

function withShortLives(config: CentralConfig): CentralConfig {
  const certificates = {
    ...config.certificates,
    agentLifetime: 2 * DAY_MS,
    centralLifetime: 2 * DAY_MS,
    intermediateLifetime: 20 * DAY_MS,
  };
  return { ...config, certificates };
}

describe("intermediates renew themselves", () => {
  it("with a fifth of their life left, under the same root, once; what they certified stays good until its own end", () =>
    withCore(
      async (core) => {
        const { authority, clock } = core;
        const { enrolled } = await joinNew(core);
        const before = authority.agentIntermediate("default");
        const services = authority.servicesIntermediate;
        clock.advance(7 * DAY_MS);
        await authority.renewIfDue();
        assert.equal(authority.agentIntermediate("default"), before);
        clock.advance(DAY_MS);
        const entries = (await actionsOf(core)).length;
        await Promise.all([authority.renewIfDue(), authority.renewIfDue()]);
        assert.deepEqual(await actionsOf(core, entries), [
          "authority.retired",
          "authority.created",
          "authority.retired",
          "authority.created",
        ]);
        const after = authority.agentIntermediate("default");
        assert.notEqual(after, before);
        assert.notEqual(authority.servicesIntermediate, services);
        assert.equal(after.validToDate.getTime(), clock.now() + 10 * DAY_MS);
        assert.equal(after.verify(authority.root.publicKey), true);
        assert.equal(
          fingerprintOf(authority.issuerOf(enrolled.clientCertificate)),
          before.fingerprint256,
        );
        const next = await joinNew(core);
        assert.equal(
          fingerprintOf(authority.issuerOf(next.enrolled.clientCertificate)),
          after.fingerprint256,
        );
        const verdict = verifyChain({
          leaf: next.enrolled.clientCertificate,
          intermediates: [after],
          roots: [authority.root],
          at: new Date(clock.now()),
          purpose: "client",
          expect: { kind: "agent", trustDomain: authority.trustDomain },
        });
        assert.ok(verdict.ok);
      },
      { lifetimes: LIFETIMES },
    ));

  it("central's own chain goes over the next one from its next certificate on", () =>
    withCore(
      async (core) => {
        const { store, authority, clock } = core;
        const identity = await openCentralIdentity(
          { store, authority, names, now: clock.now },
          () => {},
        );
        clock.advance(8 * DAY_MS);
        await authority.renewIfDue();
        await identity.renewIfDue();
        const [leaf, above] = certificatesFromPem(identity.current().chainPem);
        assert.ok(leaf !== undefined && above !== undefined);
        assert.equal(above.fingerprint256, authority.servicesIntermediate.fingerprint256);
        assert.equal(leaf.verify(above.publicKey), true);
      },
      { lifetimes: LIFETIMES },
    ));

  it("a retired one still signs the list of what it certified, until its own end; another start knows both", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder, { lifetimes: LIFETIMES });
      const { enrolled, id } = await joinNew(core);
      const { clock } = core;
      clock.advance(8 * DAY_MS);
      await core.authority.renewIfDue();
      await core.agents.revoke(id, "operator:local");
      await core.close();
      const again = await openCore(folder, { lifetimes: LIFETIMES, clock });
      const { store, authority } = again;
      const crls = await openCrls({
        store,
        authority,
        now: clock.now,
        log,
        lifetimeMs: DAY_MS,
        pause,
      });
      const both = authority.issuers().filter(({ kind }) => kind === "agents");
      assert.deepEqual(
        both.map(({ isRetired }) => isRetired),
        [true, false],
      );
      const [retired, current] = both.map((issuer) => ({
        issuer,
        list: readCrl(crls.current(issuer.id)?.der ?? ""),
      }));
      assert.ok(retired !== undefined && current !== undefined);
      retired.list.verify(retired.issuer.certificate, new Date(clock.now()));
      // Its certificate ended days ago, but no list has named it yet.
      assert.equal(retired.list.isRevoked(serialOf(enrolled.clientCertificate)), true);
      assert.equal(current.list.isRevoked(serialOf(enrolled.clientCertificate)), false);
      await again.close();
      clock.advance(3 * DAY_MS);
      const ended = await openCore(folder, { lifetimes: LIFETIMES, clock });
      assert.ok(ended.authority.agentIntermediate("default").validToDate.getTime() > clock.now());
      await ended.close();
    }));

  it("another process on the database takes over the one that was made, and makes none itself", () =>
    withCore(
      async (core) => {
        const { store, vault, audit, clock, authority } = core;
        const lifetimes = { ...LIFETIMES, rootLifetime: 3650 * DAY_MS };
        const trustDomain = authority.trustDomain;
        const other = await openAuthority({
          store,
          vault,
          audit,
          now: clock.now,
          trustDomain,
          lifetimes,
        });
        clock.advance(8 * DAY_MS);
        await authority.renewIfDue();
        await other.renewIfDue();
        assert.equal(
          other.agentIntermediate("default").fingerprint256,
          authority.agentIntermediate("default").fingerprint256,
        );
        assert.equal(other.issuers().length, 5);
      },
      { lifetimes: LIFETIMES },
    ));

  it("an agent whose certificate is of the one before links, and needs no chain for it, also after a restart that replaced it", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const clock = createFakeClock();
      const options = { clock, change: withShortLives };
      // Only to make the authorities.
      await runOn(dataDir, async () => {}, options);
      clock.advance(15 * DAY_MS);
      let agent: JoinedAgent | undefined;
      await runOn(dataDir, async (first) => void (agent = await joinOver(first)), options);
      clock.advance(DAY_MS + HOUR_MS);
      await runOn(
        dataDir,
        async (second) => {
          assert.ok(agent);
          const { items } = await admin<{ items: { kind: string; retiredAt: string | null }[] }>(
            second,
            "GET",
            "/api/v1/authorities",
          );
          assert.equal(items.filter(({ retiredAt }) => retiredAt !== null).length, 2);
          const link = await openControl(second, agent);
          link.send(messageOf(agent.id, 0, described()));
          const answer = await link.next();
          assert.equal(answer.errorResponse, undefined);
          const message = messageOf(agent.id, 1);
          // The leaf alone: central knows who certified it, retired or not.
          const leafPem = new X509Certificate(agent.identity.chainPem).toString();
          const identity = { ...agent.identity, chainPem: leafPem };
          assert.equal((await poll(second, message, { identity })).status, 200);
        },
        options,
      );
    }));
});

describe("many namespaces", () => {
  it("an agent gets in whatever the number of authorities: more than a path is sought among", () =>
    withCentral(async (central) => {
      for (let number = 0; number < 17; number += 1) {
        await admin(central, "POST", "/api/v1/namespaces", { name: `ns-${number}` });
      }
      for (const namespace of ["default", "ns-16"]) {
        const agent = await joinOver(central, { namespace });
        const { identity, id } = agent;
        assert.equal(
          (await poll(central, messageOf(id, 0, described()), { identity })).status,
          200,
        );
      }
    }));
});
