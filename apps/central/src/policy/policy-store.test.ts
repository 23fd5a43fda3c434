import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { createSeededRandom, withTempFolder } from "@tautline/testing";
import { LEVELS, levelsFrom, makeAgentId, type LinkPolicy, OPEN_POLICY } from "@tautline/protocol";
import * as fc from "fast-check";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, joinNew, openCore, withCore } from "../fixture-core.test.ts";
import { openStore } from "../store/store.ts";
import { openPolicies, type Policies } from "./policies.ts";
import type { PolicyOrder } from "./policy-store.ts";
import { exceptionOfRow, policyOfRow, rowOfPolicy } from "./policy-rows.ts";

const ACTOR = "operator:ana";
const TLS_ON: LinkPolicy = { ...OPEN_POLICY, accept: levelsFrom("tls"), clientProof: "require" };
const place = { namespace: "default", kind: "control" } as const;
const order: PolicyOrder = { ...place, policy: TLS_ON, actor: ACTOR, atMs: 5 };

const log = createLog("central", "error", { write: () => {} });
const open = ({ store, audit, metrics }: Core): Promise<Policies> =>
  openPolicies({ store, audit, metrics, log });

function withPolicies(use: (here: Policies, core: Core) => Promise<void>): Promise<void> {
  return withCore(async (core) => use(await open(core), core));
}

const set = ({ change, stored }: Policies, changes: Partial<PolicyOrder> = {}): Promise<void> =>
  change((trx) => stored.setPolicy(trx, { ...order, ...changes }));

const exceptionFor = (agentId: string) =>
  ({
    agentId,
    kind: "control",
    level: "basic",
    reason: "silent",
    changeId: "c1",
    sinceMs: 7,
  }) as const;

describe("policies on the disk and in memory", () => {
  it("hold from the transaction on, for their namespace and kind alone", () =>
    withPolicies(async (here, core) => {
      await core.namespaces.create("plant", ACTOR);
      await set(here);
      const { book } = here;
      assert.deepEqual(book.policyOf("default", "control"), TLS_ON);
      assert.equal(book.policyOf("default", "forward"), OPEN_POLICY);
      assert.equal(book.policyOf("plant", "control"), OPEN_POLICY);
      assert.deepEqual(book.policies(), [
        { ...place, policy: TLS_ON, changedMs: 5, changedBy: ACTOR },
      ]);
      assert.equal(book.places().length, 6);
      assert.deepEqual(
        book.neededLevels(),
        LEVELS,
        "a namespace without a policy hears everything",
      );
    }));

  it("are written into the trail with what was before, and once for what is so already", () =>
    withPolicies(async (here, core) => {
      await set(here);
      await set(here, { policy: { ...TLS_ON, accept: ["tls"] } });
      await set(here, { policy: undefined });
      await set(here, { policy: undefined });
      const entries = await core.audit.list({ limit: 2 });
      assert.deepEqual(
        entries.map(({ action, actor, subject, detail }) => [action, actor, subject, detail]),
        [
          [
            "policy.changed",
            ACTOR,
            "policy:default/control",
            {
              accept: "tls, mtls",
              clientProof: "require",
              postQuantum: "prefer",
              loopback: "keep",
              before: LEVELS.join(", "),
            },
          ],
          [
            "policy.changed",
            ACTOR,
            "policy:default/control",
            {
              accept: LEVELS.join(", "),
              clientProof: "none",
              postQuantum: "prefer",
              loopback: "keep",
              before: "tls, mtls",
            },
          ],
        ],
      );
      assert.deepEqual(here.book.policies(), []);
    }));

  it("refuse what cannot be, and then nothing of the transaction stands", () =>
    withPolicies(async (here, core) => {
      const before = (await actionsOf(core)).length;
      await refusalOf(set(here, { namespace: "nowhere" }), "api.not_found");
      await refusalOf(set(here, { policy: { ...TLS_ON, accept: [] } }), "api.invalid");
      const both = here.change(async (trx) => {
        await here.stored.setPolicy(trx, order);
        await here.stored.addException(trx, exceptionFor(makeAgentId(0, new Uint8Array(10))));
      });
      await refusalOf(both, "api.not_found");
      assert.deepEqual(here.book.policies(), []);
      assert.equal((await actionsOf(core)).length, before);
    }));

  it("are there again after a restart, and tampering with them is found", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      const { id } = await joinNew(core);
      const here = await open(core);
      await set(here);
      await here.change((trx) => here.stored.addException(trx, exceptionFor(id)));
      await core.close();
      const again = await openCore(folder);
      const { book } = await open(again);
      assert.deepEqual(book.policyOf("default", "control"), TLS_ON);
      assert.equal(book.exceptionOf(id, "control")?.level, "basic");
      await again.close();
      const file = join(folder, "central.db");
      const db = new DatabaseSync(file);
      db.exec("UPDATE link_policies SET accept = 'plaintext'");
      db.close();
      const { detail } = await refusalOf(openStore(file), "store.damaged");
      assert.match(String(detail["reason"]), /'link_policies'/);
    }));

  it("tell whoever follows them of every change, whichever process made it, and nobody of none", () =>
    withPolicies(async (here, core) => {
      const other = await open(core);
      let changes = 0;
      const stop = other.book.onChange(() => (changes += 1));
      await other.book.look();
      assert.equal(changes, 0);
      await set(here);
      await Promise.all([other.book.look(), other.book.look()]);
      assert.equal(changes, 1);
      assert.deepEqual(other.book.policyOf("default", "control"), TLS_ON);
      await core.namespaces.create("plant", ACTOR);
      await other.book.look();
      assert.equal(changes, 2, "a namespace more asks for nothing, which is a change");
      stop();
      await set(here, { policy: undefined });
      await other.book.look();
      assert.equal(changes, 2);
    }));
});

describe("exceptions from a policy", () => {
  it("stand for one agent and kind, replace each other, and end", () =>
    withPolicies(async (here, core) => {
      const { book, stored, change } = here;
      const { id } = await joinNew(core);
      await set(here, { policy: { ...TLS_ON, accept: ["mtls"] } });
      await set(here, { policy: { ...TLS_ON, accept: ["mtls"] }, kind: "forward" });
      await change((trx) => stored.addException(trx, exceptionFor(id)));
      const known = { ...exceptionFor(id), namespace: "default" };
      assert.deepEqual(book.exceptions(), [known]);
      assert.equal(book.exceptionOf(id, "forward"), undefined);
      assert.equal(book.hasExceptionAt(place, "basic"), true);
      assert.equal(book.hasExceptionAt(place, "plaintext"), false);
      assert.deepEqual(book.neededLevels(), ["basic", "mtls"]);
      assert.match(
        await core.metrics.registry.metrics(),
        /tautline_policy_exceptions\{kind="control"\} 1\n/,
      );
      await change((trx) => stored.addException(trx, { ...exceptionFor(id), level: "tls" }));
      assert.equal(book.exceptionOf(id, "control")?.level, "tls");
      const end = () =>
        change((trx) => stored.removeException(trx, { agentId: id, kind: "control" }));
      assert.deepEqual([await end(), await end()], [true, false]);
      assert.deepEqual(book.exceptions(), []);
      assert.deepEqual(book.neededLevels(), ["mtls"]);
      assert.match(
        await core.metrics.registry.metrics(),
        /tautline_policy_exceptions\{kind="control"\} 0\n/,
      );
    }));

  it("are written into the trail, with the change that made them", () =>
    withPolicies(async ({ stored, change }, core) => {
      const { id } = await joinNew(core);
      await change((trx) => stored.addException(trx, exceptionFor(id)));
      const ended = { agentId: id, kind: "control", actor: ACTOR } as const;
      await change((trx) => stored.removeException(trx, ended));
      const what = { namespace: "default", kind: "control", level: "basic", change: "c1" };
      assert.deepEqual(
        (await core.audit.list({ limit: 2 })).map(({ action, actor, subject, detail }) => [
          action,
          actor,
          subject,
          detail,
        ]),
        [
          ["policy.exception-added", "central", `agent:${id}`, { ...what, reason: "silent" }],
          ["policy.exception-ended", ACTOR, `agent:${id}`, what],
        ],
      );
    }));

  it("are never for an agent that is revoked or unknown, and end with an agent's identity", () =>
    withPolicies(async ({ stored, change, book }, core) => {
      const { randomBytes } = createSeededRandom("exceptions");
      const nobody = makeAgentId(Date.UTC(2026, 0, 1), randomBytes(10));
      const [revoked, deleted] = [await joinNew(core), await joinNew(core)];
      const except = (id: string) => change((trx) => stored.addException(trx, exceptionFor(id)));
      await refusalOf(except(nobody), "api.not_found");
      await except(revoked.id);
      await except(deleted.id);
      await core.agents.revoke(revoked.id, ACTOR);
      await core.life.delete({ id: deleted.id, actor: ACTOR, force: true });
      await book.look();
      assert.deepEqual(book.exceptions(), []);
      await refusalOf(except(revoked.id), "api.conflict");
    }));
});

describe("rows of policies", () => {
  it("give back what was written, whatever it was", () => {
    const policy = fc.record({
      accept: fc.subarray([...LEVELS]),
      clientProof: fc.constantFrom("none" as const, "require" as const),
      postQuantum: fc.constantFrom("prefer" as const, "require" as const),
      loopback: fc.constantFrom("keep" as const, "off" as const),
    });
    fc.assert(
      fc.property(policy, fc.nat(), (asked, changedMs) => {
        const one = { ...place, policy: { ...asked }, changedMs, changedBy: ACTOR };
        assert.deepEqual(policyOfRow(rowOfPolicy(one)), one);
      }),
    );
  });

  it("of a newer version ask for more, never for less, and except nobody", () => {
    const row = rowOfPolicy({ ...place, policy: OPEN_POLICY, changedMs: 0, changedBy: ACTOR });
    const newer = { accept: "tls,quantum", client_proof: "often", post_quantum: "very" };
    assert.deepEqual(policyOfRow({ ...row, ...newer, loopback: "perhaps" })?.policy, {
      accept: ["tls"],
      clientProof: "require",
      postQuantum: "require",
      loopback: "off",
    });
    assert.equal(policyOfRow({ ...row, kind: "pigeon" }), undefined);
    const exception = {
      agent_id: "a",
      namespace: "default",
      kind: "control",
      level: "basic",
      reason: "",
      change_id: null,
      since: 0,
    };
    assert.equal(exceptionOfRow(exception)?.level, "basic");
    assert.equal(exceptionOfRow({ ...exception, level: "quantum" }), undefined);
    assert.equal(exceptionOfRow({ ...exception, kind: "pigeon" }), undefined);
  });
});
