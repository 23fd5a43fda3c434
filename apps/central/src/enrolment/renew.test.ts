import assert from "node:assert/strict";
import { test } from "node:test";
import { createCsr, createKeyPair, serialOf } from "@tautline/pki";
import {
  actionsOf,
  type Core,
  DAY_MS,
  type Joiner,
  joinNew,
  withCore,
} from "../fixture-core.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import type { Enrolled } from "./enrol.ts";
import { proveIdentity } from "./prove-identity.ts";
import { renew, type RenewalOrder } from "./renew.ts";

interface Ground {
  readonly core: Core;
  readonly joiner: Joiner;
  readonly enrolled: Enrolled;
  /** A request with fresh keys. */
  readonly order: (counter: bigint, by?: Enrolled) => RenewalOrder;
  readonly ask: (order: RenewalOrder) => Promise<Enrolled>;
  readonly prove: (by: Enrolled) => Promise<void>;
}

const newCsr = (id: string): string => createCsr(createKeyPair("p256").privateKey, id);
const serialBy = ({ clientCertificate }: Enrolled): string => serialOf(clientCertificate);

const withAgent = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const { store, authority, audit, clock } = core;
    const { enrolled, ...joiner } = await joinNew(core);
    await core.agents.activate(joiner.id);
    const { id } = joiner;
    await use({
      core,
      joiner,
      enrolled,
      order: (counter, by = enrolled) => ({
        agentId: id,
        counter,
        agentVersion: "0.1.0",
        callerSerial: serialBy(by),
        clientCsrPem: newCsr(id),
        serverCsrPem: newCsr(id),
      }),
      ask: (order) => renew({ store, authority, audit, now: clock.now }, order),
      prove: (by) => proveIdentity(store, id, serialBy(by)),
    });
  });

const certificatesIn = async ({ store }: Core): Promise<number> =>
  (await store.read((db) => db.selectFrom("certificates").select("serial").execute())).length;

test("a renewal is one transaction: two certificates, the number, the pins, one entry of the trail", () =>
  withAgent(async ({ core, order, ask, joiner }) => {
    const before = (await actionsOf(core)).length;
    const renewed = await ask(order(1n));
    assert.equal(renewed.renewalCounter, 1n);
    assert.equal(await certificatesIn(core), 4);
    assert.deepEqual(await actionsOf(core, before), ["agent.renewed"]);
    const { renewal, cloneSuspectedAt } = await core.agents.page(joiner.id);
    assert.deepEqual([renewal.number, renewal.inUse, cloneSuspectedAt], [1, 0, null]);
    assert.notEqual(renewal.lastAt, null);
  }));

test("F3: the same request again gives the same certificates and issues none", () =>
  withAgent(async ({ core, order, ask, prove }) => {
    const request = order(1n);
    const first = await ask(request);
    const before = (await actionsOf(core)).length;
    assert.deepEqual(serialBy(await ask(request)), serialBy(first));
    await prove(first);
    assert.deepEqual(
      serialBy(await ask(request)),
      serialBy(first),
      "its answer may have been lost",
    );
    assert.equal(await certificatesIn(core), 4);
    assert.deepEqual(await actionsOf(core, before), []);
  }));

test("F3: asked again after its certificates ended, the same identity is certified anew", () =>
  withAgent(async ({ core, order, ask }) => {
    const request = order(1n);
    const first = await ask(request);
    core.clock.advance(2 * DAY_MS);
    const again = await ask(request);
    assert.notEqual(serialBy(again), serialBy(first));
    assert.equal(again.renewalCounter, 1n);
    assert.ok(again.clientCertificate.validToDate.getTime() > core.clock.now());
  }));

test("F3: an identity that was never proven is passed over, by the one before it", () =>
  withAgent(async ({ order, ask }) => {
    await ask(order(1n));
    assert.equal((await ask(order(2n))).renewalCounter, 2n);
  }));

test("F25: an old number with other keys is refused and audited once a copy; the newest keeps renewing", () =>
  withAgent(async ({ core, order, ask, prove, joiner }) => {
    const newest = await ask(order(1n));
    const before = (await actionsOf(core)).length;
    const copied = order(1n);
    await refusalOf(ask(copied), "enrolment.clone_suspected");
    await refusalOf(ask(copied), "enrolment.clone_suspected");
    assert.deepEqual(await actionsOf(core, before), ["agent.clone-suspected"]);
    assert.notEqual((await core.agents.page(joiner.id)).cloneSuspectedAt, null);
    await prove(newest);
    assert.equal((await ask(order(2n, newest))).renewalCounter, 2n);
    assert.equal((await core.trail.verify()).ok, true);
  }));

test("F25: an identity that was replaced cannot renew, whatever number it names", () =>
  withAgent(async ({ core, order, ask, prove }) => {
    await prove(await ask(order(1n)));
    for (const counter of [1n, 2n, 3n, 900n]) {
      await refusalOf(ask(order(counter)), "enrolment.clone_suspected");
    }
    assert.equal(await certificatesIn(core), 4);
  }));

test("a number far beyond the record is refused and changes nothing", () =>
  withAgent(async ({ core, order, ask }) => {
    for (const counter of [1001n, 2n ** 64n - 1n]) {
      await refusalOf(ask(order(counter)), "enrolment.renewal_out_of_step");
    }
    assert.equal(await certificatesIn(core), 2);
  }));

test("A17: keys that were certified before are refused: those of the join, and those of another agent", () =>
  withAgent(async ({ core, order, ask, joiner }) => {
    const other = await joinNew(core, { name: "web-2" });
    for (const { privateKey } of [joiner.client, other.client]) {
      const clientCsrPem = createCsr(privateKey, joiner.id);
      await refusalOf(ask({ ...order(1n), clientCsrPem }), "enrolment.key_taken");
    }
    assert.equal(await certificatesIn(core), 4);
  }));

test("A12: one key for both certificates is refused, and so is a request of another agent's name", () =>
  withAgent(async ({ core, order, ask }) => {
    const request = order(1n);
    const { clientCsrPem } = request;
    await refusalOf(ask({ ...request, serverCsrPem: clientCsrPem }), "enrolment.renewal_malformed");
    const other = await joinNew(core, { name: "web-2" });
    await refusalOf(ask({ ...request, agentId: other.id }), "pki.csr_not_permitted");
    const theirs = { clientCsrPem: newCsr(other.id), serverCsrPem: newCsr(other.id) };
    const foreign = { ...request, ...theirs, agentId: other.id };
    await refusalOf(ask(foreign), "admission.certificate_unknown");
  }));

test("A5: a revoked agent renews nothing", () =>
  withAgent(async ({ core, order, ask, joiner }) => {
    await core.agents.revoke(joiner.id, "operator:local");
    await refusalOf(ask(order(1n)), "admission.agent_revoked");
    assert.equal(await certificatesIn(core), 2);
  }));

test("F2: of a renewal that the trail cannot take nothing is recorded", () =>
  withAgent(async ({ core, order, joiner }) => {
    const { store, authority, clock } = core;
    const audit = { ...core.audit, append: () => Promise.reject(new Error("no trail")) };
    await assert.rejects(renew({ store, authority, audit, now: clock.now }, order(1n)), /no trail/);
    assert.equal(await certificatesIn(core), 2);
    assert.equal((await core.agents.page(joiner.id)).renewal.number, 0);
  }));

test("F25: what was proven never goes back", () =>
  withAgent(async ({ core, order, ask, prove, enrolled, joiner }) => {
    const newest = await ask(order(1n));
    await prove(newest);
    await prove(enrolled);
    await proveIdentity(core.store, joiner.id, "00");
    assert.equal((await core.agents.page(joiner.id)).renewal.inUse, 1);
  }));
