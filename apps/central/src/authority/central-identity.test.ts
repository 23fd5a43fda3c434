import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { describe, it } from "node:test";
import type { TlsIdentity } from "@tautline/link";
import { certificatesFromPem, serialOf, verifyChain } from "@tautline/pki";
import { refusalOf } from "../fixture-checks.test.ts";
import { type Core, HOUR_MS, withCore } from "../fixture-core.test.ts";
import { openCentralIdentity, type CentralIdentity } from "./central-identity.ts";

const NAMES = { dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };

async function open(
  core: Core,
  onRenewed: (identity: TlsIdentity) => void = () => {},
): Promise<CentralIdentity> {
  const { store, authority, clock } = core;
  return openCentralIdentity({ store, authority, names: () => NAMES, now: clock.now }, onRenewed);
}

const recorded = async (core: Core): Promise<string[]> => {
  const rows = await core.store.read((db) =>
    db.selectFrom("certificates").select("serial").where("agent_id", "is", null).execute(),
  );
  return rows.map((row) => row.serial);
};

describe("openCentralIdentity", () => {
  it("shows a recorded certificate with the whole chain up to the root, and proves central", () =>
    withCore(async (core) => {
      const { chainPem, keyPem } = (await open(core)).current();
      const [leaf, services, root, ...more] = certificatesFromPem(chainPem);
      assert.ok(leaf !== undefined && services !== undefined && root !== undefined);
      assert.equal(more.length, 0);
      assert.equal(root.fingerprint256, core.authority.root.fingerprint256);
      assert.ok(leaf.checkPrivateKey(createPrivateKey(keyPem)));
      assert.deepEqual(await recorded(core), [serialOf(leaf)]);
      const verdict = verifyChain({
        leaf,
        intermediates: [services],
        roots: [root],
        at: new Date(core.clock.now()),
        purpose: "server",
        expect: { spiffeId: "spiffe://fleet.test/central", kind: "central", dnsName: "localhost" },
      });
      assert.ok(verdict.ok);
    }));

  it("F8: refuses a clock that is behind the authority's own beginning, by name, and issues nothing", () =>
    withCore(async (core) => {
      const { validFromDate } = core.authority.root;
      core.clock.advance(validFromDate.getTime() - 1 - core.clock.now());
      const { detail } = await refusalOf(open(core), "central.clock_behind");
      assert.equal(detail["madeAt"], validFromDate.toISOString());
      assert.deepEqual(await recorded(core), []);
      core.clock.advance(1);
      await open(core);
    }));

  it("renews at half of its life and not before, with a fresh key", () =>
    withCore(async (core) => {
      const shown: TlsIdentity[] = [];
      const identity = await open(core, (next) => void shown.push(next));
      const first = identity.current();
      core.clock.advance(12 * HOUR_MS - 1_000);
      await identity.renewIfDue();
      assert.equal(shown.length, 0);
      assert.equal(identity.current(), first);
      core.clock.advance(1_000);
      await identity.renewIfDue();
      assert.deepEqual(shown, [identity.current()]);
      assert.notEqual(identity.current().keyPem, first.keyPem);
      await identity.renewIfDue();
      assert.equal(shown.length, 1);
    }));

  it("renews at once when its certificate was revoked, and not for anybody else's", () =>
    withCore(async (core) => {
      const shown: TlsIdentity[] = [];
      const identity = await open(core, (next) => void shown.push(next));
      const [first = ""] = await recorded(core);
      await identity.renewIfRevoked();
      assert.equal(shown.length, 0);
      await core.store.write((trx) =>
        trx
          .updateTable("certificates")
          .set({ revoked_at: 1 })
          .where("serial", "=", first)
          .execute(),
      );
      await identity.renewIfRevoked();
      assert.deepEqual(shown, [identity.current()]);
      await identity.renewIfRevoked();
      assert.equal(shown.length, 1);
      assert.equal(identity.endsAtMs(), core.clock.now() + 24 * HOUR_MS);
    }));

  it("keeps the certificate in use and tries again soon when the next one cannot be recorded or shown", () =>
    withCore(async (core) => {
      const failure = new Error("the listener refused it");
      let fails = true;
      const identity = await open(core, () => {
        if (fails) throw failure;
      });
      const first = identity.current();
      core.clock.advance(12 * HOUR_MS);
      await assert.rejects(identity.renewIfDue(), failure);
      assert.equal(identity.current(), first);
      fails = false;
      await identity.renewIfDue();
      assert.notEqual(identity.current(), first);
      assert.equal((await recorded(core)).length, 3);
    }));
});
