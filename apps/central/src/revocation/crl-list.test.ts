import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createLog } from "@tautline/daemon";
import { readCrl, serialOf } from "@tautline/pki";
import { type Core, DAY_MS, HOUR_MS, joinNew, withCore } from "../fixture-core.test.ts";
import { CRL_SLICE } from "./crl-entries.ts";
import { type CrlDeps, type Crls, openCrls } from "./crl-list.ts";
import { revokeCertificate } from "./certificate-revocation.ts";

const log = createLog("central", "error", { write: () => {} });

function open(core: Core, options: Partial<CrlDeps> = {}): Promise<Crls> {
  const { store, authority, clock } = core;
  const deps = { store, authority, now: clock.now, log, lifetimeMs: DAY_MS, pause: nextTurn };
  return openCrls({ ...deps, ...options });
}

const agentsId = (core: Core): string =>
  core.authority.issuers().find(({ kind }) => kind === "agents")?.id ?? "";

const listOf = (core: Core, crls: Crls) =>
  crls.current(agentsId(core)) ?? assert.fail("there is no list");

async function revoke(core: Core, serial: string): Promise<void> {
  const { store, audit, clock } = core;
  const order = { serial, reason: "keyCompromise", actor: "operator:local" } as const;
  await revokeCertificate({ store, audit, now: clock.now }, order);
}

/** Fills the record with revoked certificates of the default namespace's agents. */
async function addRevoked(core: Core, count: number): Promise<string[]> {
  const serials = Array.from({ length: count }, (_, at) =>
    (at + 2 ** 40).toString(16).padStart(32, "4"),
  );
  const atMs = core.clock.now();
  await core.store.write(async (trx) => {
    for (const serial of serials) {
      await trx
        .insertInto("certificates")
        .values({
          serial,
          issuer_id: agentsId(core),
          agent_id: null,
          purpose: "client",
          name: "spiffe://default.fleet.test/agent/none",
          pin: serial,
          pem: "",
          not_before: atMs,
          not_after: atMs + DAY_MS,
          revoked_at: atMs,
          revoked_reason: "superseded",
        })
        .execute();
    }
  });
  return serials;
}

describe("openCrls", () => {
  it("makes a signed, current, empty list of every authority, and of a namespace that is made later", () =>
    withCore(async (core) => {
      const crls = await open(core);
      await core.namespaces.create("lab", "operator:local");
      await crls.refreshIfDue();
      const issuers = core.authority.issuers();
      assert.deepEqual(issuers.map(({ kind }) => kind).toSorted(), [
        "agents",
        "agents",
        "root",
        "services",
      ]);
      for (const { id, certificate } of issuers) {
        const list = crls.current(id) ?? assert.fail("there is no list");
        readCrl(list.der).verify(certificate, new Date(core.clock.now()));
        assert.equal(list.entries, 0);
      }
    }));

  it("names what was revoked, in the list of its own authority alone, under a higher number", () =>
    withCore(async (core) => {
      const crls = await open(core);
      const before = listOf(core, crls);
      const { enrolled } = await joinNew(core);
      const [gone, stays] = [enrolled.clientCertificate, enrolled.serverCertificate].map(serialOf);
      await revoke(core, gone ?? "");
      await crls.refresh();
      const after = listOf(core, crls);
      assert.ok(after.number > before.number);
      assert.equal(after.entries, 1);
      assert.equal(readCrl(after.der).isRevoked(gone ?? ""), true);
      assert.equal(readCrl(after.der).isRevoked(stays ?? ""), false);
      for (const { id, kind } of core.authority.issuers()) {
        if (kind !== "agents") assert.equal(crls.current(id)?.entries, 0, kind);
      }
    }));

  it("is kept: an opened list is the one of the run before, not another", () =>
    withCore(async (core) => {
      await addRevoked(core, 3);
      const first = listOf(core, await open(core));
      core.clock.advance(HOUR_MS);
      assert.deepEqual(listOf(core, await open(core)), first);
    }));

  it("renews itself at half of its life, and drops entries of certificates that ended before the list before", () =>
    withCore(async (core) => {
      const crls = await open(core);
      await addRevoked(core, 3);
      await crls.refresh();
      const first = listOf(core, crls);
      core.clock.advance(DAY_MS / 2 - 1_000);
      await crls.refreshIfDue();
      assert.equal(listOf(core, crls), first);
      const counts: number[] = [];
      for (let half = 0; half < 4; half += 1) {
        core.clock.advance(half === 0 ? 1_000 : DAY_MS / 2);
        await crls.refreshIfDue();
        counts.push(listOf(core, crls).entries);
      }
      // They end after a day: the lists of half a day and of a day have them, that of a day and a half as the last one.
      assert.deepEqual(counts, [3, 3, 3, 0]);
      assert.ok(listOf(core, crls).nextUpdate > core.clock.now());
    }));

  it("takes over what another process on the database has made, and gives way where that was faster", () =>
    withCore(async (core) => {
      const [one, other] = [await open(core), await open(core)];
      await addRevoked(core, 2);
      await one.refresh();
      await other.refresh();
      assert.deepEqual(listOf(core, other), listOf(core, one));
      const serial = serialOf((await joinNew(core)).enrolled.clientCertificate);
      await revoke(core, serial);
      await Promise.all([one.refresh(), other.refresh()]);
      await Promise.all([one.refresh(), other.refresh()]);
      assert.deepEqual(listOf(core, other), listOf(core, one));
      assert.equal(listOf(core, one).entries, 3);
    }));

  it("does its work in slices: whatever else waits gets its turn between any two", () =>
    withCore(async (core) => {
      const count = 5 * CRL_SLICE + 1;
      const serials = await addRevoked(core, count);
      let pauses = 0;
      let turns = 0;
      const done = new AbortController();
      const others = (async () => {
        for (; !done.signal.aborted; turns += 1) await nextTurn();
      })();
      const read: number[] = [];
      const { store } = core;
      const counted: Core["store"] = {
        ...store,
        read: async (work) => {
          const result = await store.read(work);
          if (Array.isArray(result)) read.push(result.length);
          return result;
        },
      };
      const pause = async (): Promise<void> => {
        pauses += 1;
        await nextTurn();
      };
      const crls = await open(core, { store: counted, pause });
      done.abort();
      await others;
      assert.ok(Math.max(...read) <= CRL_SLICE, "no more than a slice is read and encoded at once");
      // Five in that list, and two in each of the three for putting together and writing.
      assert.equal(pauses, 5 + 2 * core.authority.issuers().length);
      assert.ok(turns >= pauses, "other work had a turn in each pause");
      const list = readCrl(listOf(core, crls).der);
      assert.ok(serials.every((serial) => list.isRevoked(serial)));
    }));

  it("a list that cannot be kept is not published, and made at the next turn", () =>
    withCore(async (core) => {
      let fails = false;
      const { store } = core;
      const failing: Core["store"] = {
        ...store,
        write: (work) => (fails ? Promise.reject(new Error("disk full")) : store.write(work)),
      };
      const crls = await open(core, { store: failing });
      const before = listOf(core, crls);
      await addRevoked(core, 1);
      fails = true;
      await assert.rejects(crls.refresh(), /disk full/);
      assert.equal(listOf(core, crls), before);
      fails = false;
      await crls.refresh();
      assert.equal(listOf(core, crls).entries, 1);
    }));
});
