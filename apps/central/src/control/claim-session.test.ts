import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openPromotion } from "@tautline/pki";
import {
  CAPABILITY_AUDIT,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_PROMOTION,
  CAPABILITY_STATUS,
  customMessage,
  decodePromotionOffer,
  type ErrorCode,
  ServerCapabilities,
  ServerToAgentFlags,
  TautlineError,
} from "@tautline/protocol";
import { enrol, type JoinRequest } from "../enrolment/enrol.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  joinNew,
  joinWith,
  makeJoiner,
  makeToken,
  withCore,
} from "../fixture-core.test.ts";
import { CLAIM_LIMITS } from "../fleet/claim-rule.ts";
import { createClaimSession } from "./claim-session.ts";
import type { ClaimCaller } from "./caller.ts";
import { claimCaller, liveKey } from "./fixture-arrivals.test.ts";
import { described, type MessageFields, messageOf } from "./fixture-messages.test.ts";
import { claimDepsOf } from "./fixture-sessions.test.ts";
import type { Session } from "./session.ts";

const begin = (core: Core, caller: ClaimCaller = claimCaller()): Session =>
  createClaimSession(claimDepsOf(core), caller);

const custom = (capability: string, type: string): MessageFields => ({
  customMessage: { capability, type, data: new Uint8Array() },
});

describe("the session of somebody without an identity", () => {
  it("keeps what it says of itself, and answers with its id and nothing else", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      const session = begin(core);
      const said = described({ "tautline.name": "pump-7", "host.name": "h7.example" });
      const health = { healthy: true, status: "fine" };
      const answer = await session.receive(messageOf(id, 1, { ...said, health }));
      assert.equal(answer.capabilities, BigInt(ServerCapabilities.ACCEPTS_STATUS));
      for (const part of ["remoteConfig", "connectionSettings", "customMessage"] as const) {
        assert.equal(answer[part], undefined);
      }
      assert.equal(answer.flags, 0n);
      const page = await core.agents.page(id);
      assert.equal(page.state, "unproven");
      assert.equal(page.name, "pump-7");
      assert.equal(page.namespace, "default");
      assert.equal(page.version, "1.2.3");
      assert.equal(page.health?.["healthy"], true);
      assert.equal(page.token, "");
      assert.equal(page.certificateExpiresAt, null);
    }));

  it("shows one that was given the key of its link as keyed, in the key's namespace", () =>
    withCore(async (core) => {
      await core.namespaces.create("shop", "operator:local");
      const { id } = makeJoiner();
      await begin(core, claimCaller("basic", liveKey("shop"))).receive(messageOf(id, 1));
      assert.equal((await core.agents.page(id)).state, "unproven");
      await begin(core, claimCaller("advanced", liveKey("shop", id))).receive(messageOf(id, 1));
      const { state, namespace, name } = await core.agents.page(id);
      assert.deepEqual([state, namespace, name], ["keyed", "shop", id]);
    }));

  it("counts as recorded only once it is on the disk, so that nobody takes one that just arrives for one that was ended", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      const session = begin(core);
      const first = session.receive(messageOf(id, 1));
      assert.deepEqual([session.agentId, session.isRecorded], [id, false]);
      await first;
      assert.equal(session.isRecorded, true);
    }));

  it("asks once for what it was not told, and not where central has it", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      const session = begin(core);
      const asks = async (seq: number, fields?: MessageFields): Promise<boolean> => {
        const { flags } = await session.receive(messageOf(id, seq, fields));
        return flags === BigInt(ServerToAgentFlags.REPORT_FULL_STATE);
      };
      assert.ok(await asks(1));
      assert.ok(!(await asks(2, described())));
      assert.ok(!(await asks(3)));
      assert.ok(await asks(9));
    }));

  for (const [what, fields] of [
    ["an identity", custom(CAPABILITY_ENROLMENT, "request")],
    ["a renewal", custom(CAPABILITY_ENROLMENT, "renew")],
    ["an end of an identity", custom(CAPABILITY_ENROLMENT, "leave")],
    ["a word on an instruction", custom(CAPABILITY_INSTRUCTION, "receipt")],
    ["news of the trail", custom(CAPABILITY_AUDIT, "head")],
    ["settings of connections", { connectionSettingsRequest: {} }],
  ] as [string, MessageFields][]) {
    it(`says why to who asks for ${what}, and goes on seeing it`, () =>
      withCore(async (core) => {
        const { id } = makeJoiner();
        const session = begin(core);
        const message = messageOf(id, 1, { ...described(), ...fields });
        const refusal = await refusalOf(session.receive(message), "admission.identity_required");
        assert.match(refusal.remedy, /tautline agent join TOKEN/);
        assert.ok(!session.isEnded());
        assert.equal((await core.agents.page(id)).version, "1.2.3");
        await session.receive(messageOf(id, 2));
      }));
  }

  it("passes over custom messages that ask for nothing, and ends with a good-bye", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      const session = begin(core);
      const unchanged = customMessage(CAPABILITY_STATUS, "unchanged", new Uint8Array(32));
      await session.receive(messageOf(id, 1, { customMessage: unchanged }));
      await session.receive(messageOf(id, 2, custom("com.example.other", "anything")));
      await session.receive(messageOf(id, 3, { agentDisconnect: {} }));
      assert.ok(session.isEnded());
    }));

  it("A30: keeps to one id, and takes no message beyond the limit of the unproven", () =>
    withCore(async (core) => {
      const session = begin(core);
      await session.receive(messageOf(makeJoiner().id, 1));
      await refusalOf(session.receive(messageOf(makeJoiner().id, 2)), "opamp.not_your_id");
      const long = described({ a: "x".repeat(4_000) });
      const many = Object.fromEntries(
        Array.from({ length: 20 }, (_, at) => [`k${at}`, "x".repeat(4_000)]),
      );
      await refusalOf(
        begin(core).receive(messageOf(makeJoiner().id, 1, { ...long, ...described(many) })),
        "opamp.too_large",
      );
      await refusalOf(begin(core).receive(Uint8Array.of(1, 2, 3)), "opamp.malformed");
    }));
});

describe("ids that are not to be claimed (A3)", () => {
  it("an enrolled, quarantined, waiting, revoked or deleted agent's id is refused; its record stays as it was", () =>
    withCore(async (core) => {
      const refuse = async (id: string): Promise<void> => {
        const before = await core.store.read((db) =>
          db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst(),
        );
        const message = messageOf(id, 1, described({ "tautline.name": "thief" }));
        for (const caller of [claimCaller(), claimCaller("basic", liveKey("default", id))]) {
          const refusal = await refusalOf(begin(core, caller).receive(message));
          assert.equal(refusal.code, "admission.id_enrolled");
        }
        const after = await core.store.read((db) =>
          db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst(),
        );
        assert.deepEqual(after, before);
      };
      const { id } = await joinNew(core);
      await refuse(id);
      await core.agents.activate(id);
      await refuse(id);
      await core.life.quarantine(id, "operator:local");
      await refuse(id);
      await core.agents.revoke(id, "operator:local");
      await refuse(id);
      await core.life.delete({ id, actor: "operator:local", force: true });
      await refuse(id);
      const waiting = makeJoiner();
      const token = await makeToken(core, { approve: true });
      await refusalOf(joinWith(core, token, waiting.request), "enrolment.approval_pending");
      await refuse(waiting.id);
    }));

  it("a key that another agent was given, and a link without the key it came by before, are refused", () =>
    withCore(async (core) => {
      await core.namespaces.create("shop", "operator:local");
      const [one, two] = [makeJoiner().id, makeJoiner().id];
      const come = (id: string, caller: ClaimCaller) =>
        begin(core, caller).receive(messageOf(id, 1));
      const refused = (id: string, caller: ClaimCaller, code: ErrorCode) =>
        refusalOf(come(id, caller), code);
      const own = claimCaller("basic", liveKey("shop", one));
      await refused(two, own, "admission.key_not_yours");
      await come(one, own);
      await refused(one, claimCaller(), "admission.claim_differs");
      await refused(one, claimCaller("basic", liveKey("shop")), "admission.claim_differs");
      await come(one, own);
    }));
});

describe("bounds of claims (A20)", () => {
  it("so many new ones of one source are taken; those that are known are not held up", () =>
    withCore(async (core) => {
      const deps = claimDepsOf(core);
      const come = (id: string, remoteAddress = "192.0.2.1") =>
        createClaimSession(deps, { ...claimCaller(), remoteAddress }).receive(messageOf(id, 1));
      const known = makeJoiner().id;
      await come(known);
      for (let made = 1; made < CLAIM_LIMITS.newOfSource; made += 1) await come(makeJoiner().id);
      const beyond = await refusalOf(come(makeJoiner().id), "admission.claims_limited");
      assert.equal(beyond.detail["retryAfterSeconds"], CLAIM_LIMITS.windowMs / 1_000);
      await come(known);
      await come(makeJoiner().id, "198.51.100.1");
      core.clock.advance(CLAIM_LIMITS.windowMs);
      await come(makeJoiner().id);
    }));

  it("a namespace takes so many and no more, whatever other namespaces have", () =>
    withCore(async (core) => {
      await core.namespaces.create("shop", "operator:local");
      const { id } = makeJoiner();
      await begin(core).receive(messageOf(id, 1));
      const template = await core.store.read((db) =>
        db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirstOrThrow(),
      );
      await core.store.write(async (trx) => {
        for (let at = 1; at < CLAIM_LIMITS.agentsPerNamespace; at += 1) {
          await trx
            .insertInto("agents")
            .values({ ...template, id: `filler ${at}` })
            .execute();
        }
      });
      const next = makeJoiner().id;
      await refusalOf(begin(core).receive(messageOf(next, 1)), "admission.claims_full");
      await begin(core).receive(messageOf(id, 1));
      await begin(core, claimCaller("basic", liveKey("shop"))).receive(messageOf(next, 1));
    }));
});

describe("what becomes of agents without an identity", () => {
  it("joining takes the id over: the claims are gone, the claim's session is refused, the trail says so", () =>
    withCore(async (core) => {
      const joiner = makeJoiner("true-name");
      const session = begin(core);
      const said = described({ "tautline.name": "claimed", note: "claimed" });
      await session.receive(messageOf(joiner.id, 1, said));
      await core.life.promote(joiner.id, "operator:local");
      await core.agents.noteSeen([{ id: joiner.id, atMs: 5, level: "plaintext", group: null }]);
      await joinWith(core, await makeToken(core), joiner.request);
      const page = await core.agents.page(joiner.id);
      assert.deepEqual(
        [page.state, page.name, page.attributes, page.level, page.lastSeenAt, page.promotion],
        ["joining", "true-name", {}, null, null, { at: null, toldAt: null }],
      );
      const again = messageOf(joiner.id, 2, described());
      await refusalOf(session.receive(again), "admission.id_enrolled");
      await refusalOf(session.push(), "admission.id_enrolled");
      // What the claim's link heard last is not noted of the agent that has joined.
      const late = { id: joiner.id, atMs: 9, level: "plaintext", group: null, isClaim: true };
      await core.agents.noteSeen([late]);
      assert.equal((await core.agents.page(joiner.id)).level, null);
    }));

  it("joining ends the links of whoever claimed the id, and of nobody else; so does waiting for approval", () =>
    withCore(async (core) => {
      const { store, tokens, authority, audit, clock } = core;
      const ended: string[] = [];
      const endClaims = (id: string): void => void ended.push(id);
      const deps = { store, tokens, authority, audit, now: clock.now, endClaims };
      const join = async (request: JoinRequest, approve: boolean) => {
        const { tokenId, secret } = await makeToken(core, { approve });
        return enrol(deps, await tokens.prove(tokenId, secret), request);
      };
      const [claimed, waiting, fresh] = [makeJoiner(), makeJoiner(), makeJoiner()];
      for (const { id } of [claimed, waiting]) await begin(core).receive(messageOf(id, 1));
      await join(claimed.request, false);
      await join(fresh.request, false);
      await refusalOf(join(waiting.request, true), "enrolment.approval_pending");
      assert.deepEqual(ended, [claimed.id, waiting.id]);
      assert.equal((await core.agents.page(waiting.id)).state, "pending");
    }));

  it("deleting lets it come again; nothing else is done to it, and each verb says what is", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      const actor = "operator:local";
      await begin(core).receive(messageOf(id, 1));
      const { life, agents } = core;
      for (const done of [
        () => life.quarantine(id, actor),
        () => life.release(id, actor),
        () => life.approve(id, actor),
        () => life.decline(id, actor),
        () => agents.revoke(id, actor),
        () => life.replace({ old: id, fresh: id, actor }),
      ]) {
        const refusal = await refusalOf(done, "fleet.no_identity");
        assert.match(refusal.remedy, new RegExp(`agents delete ${id}`));
      }
      await life.delete({ id, actor, force: false });
      assert.deepEqual(core.ended.at(-1), { id, code: "admission.claim_ended" });
      await refusalOf(agents.page(id), "api.not_found");
      await begin(core).receive(messageOf(id, 1));
      assert.equal((await agents.page(id)).state, "unproven");
      const entries = await core.audit.list({ limit: 100 });
      const deleted = entries.find(({ action }) => action === "agent.deleted");
      assert.equal(deleted?.detail?.["was"], "unproven");
    }));

  it("stays recognisable when it is silent", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      await begin(core).receive(messageOf(id, 1));
      core.clock.advance(24 * 60 * 60_000);
      assert.equal((await core.agents.page(id)).state, "unproven");
    }));

  it("a promotion is told once on each link: central's addresses, its root and its domain", () =>
    withCore(async (core) => {
      const { id } = makeJoiner();
      const session = begin(core);
      await session.receive(messageOf(id, 1));
      assert.equal(await session.push(), undefined);
      await core.life.promote(id, "operator:ana");
      assert.deepEqual(core.told, [id]);
      assert.equal((await core.agents.page(id)).promotion.toldAt, null);
      const told = await session.push();
      assert.equal(told?.customMessage?.capability, CAPABILITY_PROMOTION);
      assert.equal(told.customMessage.type, "offer");
      const offer = openPromotion(decodePromotionOffer(told.customMessage.data));
      assert.deepEqual(offer.addresses, ["127.0.0.1:9150"]);
      assert.equal(offer.trustDomain, "fleet.test");
      assert.equal(await session.push(), undefined);
      const { customMessage: again } = await session.receive(messageOf(id, 2));
      assert.equal(again, undefined);
      assert.notEqual((await core.agents.page(id)).promotion.toldAt, null);
      const { customMessage: later } = await begin(core).receive(messageOf(id, 1));
      assert.equal(later?.type, "offer");
      assert.ok((await actionsOf(core)).includes("agent.promoted"));
    }));

  it("A25: a claim that may have no link is told where to join where plaintext is open to it for that, and its session ends; anywhere else it is refused", () =>
    withCore(async (core) => {
      const noted: string[] = [];
      const reopenings = {
        covers: (address: string) => address === "192.0.2.1",
        noteTold: async (id: string) => void noted.push(id),
      };
      const deps = { ...claimDepsOf(core), reopenings };
      const refusal = new TautlineError("admission.level_not_accepted");
      const beginAt = (caller: Partial<ClaimCaller>, level: "plaintext" | "basic" = "plaintext") =>
        createClaimSession(deps, { ...claimCaller(level), refusal, ...caller });
      const { id } = makeJoiner();
      const session = beginAt({});
      assert.deepEqual([session.isLink, session.farewell?.()], [true, undefined]);
      const said = described({ "tautline.name": "hub-7", colour: "red" });
      const { customMessage: told, errorResponse } = await session.receive(messageOf(id, 1, said));
      assert.equal(errorResponse, undefined);
      assert.deepEqual([told?.capability, told?.type], [CAPABILITY_PROMOTION, "offer"]);
      assert.deepEqual([session.isLink, session.isEnded(), noted], [false, true, [id]]);
      assert.equal(session.farewell?.()?.code, "admission.only_told");
      assert.equal(await session.push(), undefined);
      const { name, state, attributes } = await core.agents.page(id);
      assert.deepEqual([name, state, attributes], ["hub-7", "unproven", {}]);
      for (const elsewhere of [
        beginAt({ remoteAddress: "192.0.2.2" }),
        beginAt({ key: liveKey("default") }, "basic"),
      ]) {
        await refusalOf(elsewhere.receive(messageOf(id, 1)), "admission.level_not_accepted");
        assert.equal(elsewhere.isLink, true);
      }
      const { id: enrolled } = await joinNew(core);
      await refusalOf(beginAt({}).receive(messageOf(enrolled, 1)), "admission.id_enrolled");
      assert.deepEqual(noted, [id]);
    }));

  it("an agent with an identity is not promoted", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      await refusalOf(core.life.promote(id, "operator:local"), "fleet.has_identity");
      await refusalOf(core.life.promote(makeJoiner().id, "operator:local"), "api.not_found");
    }));
});
