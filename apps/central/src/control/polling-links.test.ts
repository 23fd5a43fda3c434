import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeServerToAgent, fromWireText, LIMITS, TautlineError } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  herdOf,
  HOUR_MS,
  makeJoiner,
  makeToken,
  withCore,
} from "../fixture-core.test.ts";
import { createAgentSession } from "./agent-session.ts";
import type { AgentCaller, Caller } from "./caller.ts";
import {
  described,
  joinedCaller,
  joinMessage,
  messageOf,
  recordingLog,
  tokenCaller,
} from "./fixture-messages.test.ts";
import { claimDepsOf, renewingOf, sessionDepsOf } from "./fixture-sessions.test.ts";
import { createRenewalSession } from "./renewal-session.ts";
import type { Session } from "./session.ts";
import { MISSED_HEARTBEATS, SHORTEST_SILENCE_MS } from "../fleet/life-rule.ts";
import { claimCaller, liveKey } from "./fixture-arrivals.test.ts";
import { createClaimSession } from "./claim-session.ts";
import { createJoinSession } from "./join-session.ts";
import { createLiveLinks, type LiveLinks } from "./live-links.ts";
import { createPollingLinks, type PollAnswer, type PollingLinks } from "./polling-links.ts";
import { createRefusals } from "./refusals.ts";

interface Ground {
  readonly core: Core;
  readonly live: LiveLinks;
  readonly polling: PollingLinks;
}

const withPolling = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const { store, tokens, authority, audit, metrics, clock } = core;
    const { agents, links, settings } = core;
    const { now } = clock;
    const log = recordingLog([]);
    const { recorder: history } = core.history;
    const live = createLiveLinks({ agents, links, history, metrics, log, now });
    const beginSession = (caller: Caller): Session => {
      if (caller.kind === "agent") return createAgentSession(sessionDepsOf(core), caller);
      if (caller.kind === "lapsed") return createRenewalSession(renewingOf(core), caller);
      if (caller.kind === "claim") return createClaimSession(claimDepsOf(core), caller);
      const enrolment = { store, tokens, authority, audit, now };
      const { grant } = renewingOf(core);
      const queue = herdOf(core).enrolments;
      return createJoinSession({ enrolment, grant, metrics, queue }, caller);
    };
    const polling = createPollingLinks({
      live,
      metrics,
      now,
      refusals: createRefusals({ audit, history, log, metrics, now }),
      heartbeatOf: (namespace) => settings.heartbeatMs(namespace),
      beginSession,
    });
    await use({ core, live, polling });
  });

const take = (polling: PollingLinks, caller: Caller, bytes: Uint8Array): Promise<PollAnswer> =>
  polling.take(caller, () => Promise.resolve(bytes));

const read = ({ body }: PollAnswer) => {
  assert.ok(body.length > 0, "an empty answer crashes a real client");
  return decodeServerToAgent(body, LIMITS.opampMessageBytes.value);
};

const codeOf = (answer: PollAnswer): string | undefined =>
  fromWireText(read(answer).errorResponse?.errorMessage ?? "").code;

const listed = async (core: Core): Promise<string[]> =>
  (await core.links.list({})).map(({ agent, group }) => `${agent} ${group}`);

describe("PollingLinks", () => {
  it("answers an agent, lists it by its first answered message, and keeps one session over its requests", () =>
    withPolling(async ({ core, polling }) => {
      const caller = await joinedCaller(core);
      const { id } = caller.agent;
      const first = await take(polling, caller, messageOf(id, 7, described()));
      assert.equal(first.status, 200);
      assert.equal(read(first).flags, 0n);
      assert.deepEqual(await listed(core), [`${id} X25519MLKEM768`]);
      assert.equal(read(await take(polling, caller, messageOf(id, 8))).flags, 0n);
      // The number after next tells that a request was lost.
      assert.equal(read(await take(polling, caller, messageOf(id, 10))).flags, 1n);
      assert.equal((await core.links.list({}))[0]?.transport, "polling");
    }));

  it("lists nobody whose first message was refused, and says why", () =>
    withPolling(async ({ core, polling }) => {
      const caller = await joinedCaller(core);
      const other = await joinedCaller(core);
      const forged = await take(polling, caller, messageOf(other.agent.id, 0, described()));
      assert.equal(forged.status, 200);
      assert.equal(codeOf(forged), "opamp.not_your_id");
      assert.equal(codeOf(await take(polling, caller, Buffer.from("noise"))), "opamp.malformed");
      assert.deepEqual(await listed(core), []);
      assert.equal((await actionsOf(core)).at(-1), "link.refused");
    }));

  it("tells by HTTP too what a client must not repeat", () =>
    withPolling(async ({ core, polling }) => {
      const caller = await joinedCaller(core);
      const over = await polling.take(caller, () =>
        Promise.reject(new TautlineError("opamp.too_large", { detail: { size: 2, limit: 1 } })),
      );
      assert.equal(over.status, 413);
      assert.equal(codeOf(over), "opamp.too_large");
    }));

  it("F15: counts and answers what a claim sends too much of, as it does for an agent", () =>
    withPolling(async ({ core, polling }) => {
      const over = await polling.take(claimCaller(), () =>
        Promise.reject(new TautlineError("opamp.too_large", { detail: { size: 2, limit: 1 } })),
      );
      assert.equal(over.status, 413);
      assert.equal(codeOf(over), "opamp.too_large");
      assert.match(
        await core.metrics.registry.metrics(),
        /refusals_total\{code="opamp.too_large"\} 1/,
      );
    }));

  it("joins by a token, and tells its holder why not, with the id he asked for", () =>
    withPolling(async ({ core, polling }) => {
      const token = await makeToken(core);
      const { request } = makeJoiner();
      const granted = read(
        await take(polling, await tokenCaller(core, token), joinMessage(request)),
      );
      assert.ok(granted.connectionSettings !== undefined);
      const second = makeJoiner();
      const refused = await take(
        polling,
        await tokenCaller(core, token),
        joinMessage(second.request),
      );
      assert.equal(codeOf(refused), "enrolment.token_used_up");
      assert.equal(read(refused).instanceUid.length, 16);
      const last = (await core.audit.list({ limit: 100 })).at(-1);
      assert.deepEqual([last?.action, last?.subject], ["token.refused", `agent:${second.id}`]);
      assert.deepEqual(await listed(core), []);
    }));

  it("takes one request of an agent at a time, whatever the first one ends in", () =>
    withPolling(async ({ core, polling }) => {
      const caller = await joinedCaller(core);
      const other = await joinedCaller(core);
      const { id } = caller.agent;
      const body = Promise.withResolvers<Uint8Array>();
      const first = polling.take(caller, () => body.promise);
      let wasRead = false;
      const second = polling.take(caller, () => {
        wasRead = true;
        return Promise.resolve(new Uint8Array());
      });
      const refusal = await refusalOf(second, "opamp.one_at_a_time");
      assert.equal(refusal.status, 429);
      assert.equal(wasRead, false);
      await take(polling, other, messageOf(other.agent.id, 0, described()));
      body.reject(new TautlineError("link.broken"));
      await refusalOf(first, "link.broken");
      await take(polling, caller, messageOf(id, 0, described()));
      assert.equal((await listed(core)).length, 2);
    }));

  it("another key exchange is another link of the same session, another certificate a new session", () =>
    withPolling(async ({ core, polling }) => {
      const caller = await joinedCaller(core);
      const { id } = caller.agent;
      await take(polling, caller, messageOf(id, 0, described()));
      const [before] = await core.links.list({});
      for (const [at, change] of [{ group: "X25519" }, { peerSerial: "bb" }].entries()) {
        const changed: AgentCaller = { ...caller, evidence: { ...caller.evidence, ...change } };
        const answer = await take(polling, changed, messageOf(id, at + 1));
        // A new session has heard nothing yet, and asks for the full state.
        assert.equal(read(answer).flags, change.peerSerial === undefined ? 0n : 1n);
        const [link, ...more] = await core.links.list({});
        assert.equal(more.length, 0);
        assert.notEqual(link?.id, before?.id);
        if (change.group !== undefined) assert.equal(link?.group, change.group);
        else assert.equal(link?.peerSerial, change.peerSerial);
      }
    }));

  it("takes an agent off the list at its good-bye, and when it is ended", () =>
    withPolling(async ({ core, live, polling }) => {
      const caller = await joinedCaller(core);
      const { id } = caller.agent;
      await take(polling, caller, messageOf(id, 0, described()));
      await take(polling, caller, messageOf(id, 1, { agentDisconnect: {} }));
      assert.deepEqual(await listed(core), []);
      // A new start of the same agent is a new session: its numbers begin anew.
      assert.equal(read(await take(polling, caller, messageOf(id, 0, described()))).flags, 0n);
      live.endAgent(id, new TautlineError("admission.agent_revoked"));
      await core.store.read((db) => db.selectFrom("meta").select("key").execute());
      assert.deepEqual(await listed(core), []);
    }));

  it("forgets agents that missed their heartbeats, by the interval set for their namespace", () =>
    withPolling(async ({ core, polling }) => {
      const caller = await joinedCaller(core);
      await take(polling, caller, messageOf(caller.agent.id, 0, described()));
      core.clock.advance(SHORTEST_SILENCE_MS);
      await polling.forgetSilent();
      assert.equal((await listed(core)).length, 1);
      const seconds = SHORTEST_SILENCE_MS / 1_000;
      const setting = { namespace: "", key: "agents.heartbeatSeconds", value: String(seconds) };
      await core.settings.put(setting, "operator:local");
      core.clock.advance(1);
      await polling.forgetSilent();
      assert.equal((await listed(core)).length, 1);
      core.clock.advance(SHORTEST_SILENCE_MS * (MISSED_HEARTBEATS - 1));
      await polling.forgetSilent();
      assert.deepEqual(await listed(core), []);
    }));
});

describe("polling by somebody without an identity", () => {
  const { id } = makeJoiner();

  it("is a link of one session from its first answered message on, at the level it came over", () =>
    withPolling(async ({ core, polling, live }) => {
      const caller = claimCaller();
      assert.equal(read(await take(polling, caller, messageOf(id, 7, described()))).flags, 0n);
      assert.equal(read(await take(polling, claimCaller(), messageOf(id, 8))).flags, 0n);
      assert.equal(read(await take(polling, caller, messageOf(id, 10))).flags, 1n);
      const [link, ...others] = await core.links.list({});
      assert.deepEqual(others, []);
      assert.deepEqual(
        [link?.agent, link?.level, link?.transport, link?.clientProven, link?.namespace],
        [id, "plaintext", "polling", false, "default"],
      );
      core.clock.advance(1_000);
      await live.flush();
      const page = await core.agents.page(id);
      assert.deepEqual([page.state, page.level], ["unproven", "plaintext"]);
      assert.equal((await core.history.list({ agent: id, limit: 9 })).length, 1);
    }));

  it("begins a link anew where it comes over another level, and ends it with its good-bye", () =>
    withPolling(async ({ core, polling }) => {
      await take(polling, claimCaller(), messageOf(id, 1, described()));
      await take(polling, claimCaller("basic", liveKey("default")), messageOf(id, 1, described()));
      const levels = async (): Promise<string[]> =>
        (await core.links.list({})).map(({ level }) => level);
      assert.deepEqual(await levels(), ["basic"]);
      await take(
        polling,
        claimCaller("basic", liveKey("default")),
        messageOf(id, 2, { agentDisconnect: {} }),
      );
      assert.deepEqual(await levels(), []);
    }));

  it("is no link where it was refused, and is never in the way of the agent that proves the id (A3)", () =>
    withPolling(async ({ core, polling, live }) => {
      const caller = await joinedCaller(core);
      const own = caller.agent.id;
      await take(polling, caller, messageOf(own, 1, described()));
      const held = Promise.withResolvers<Uint8Array>();
      const slow = polling.take(claimCaller(), () => held.promise);
      const forged = await take(polling, claimCaller(), messageOf(own, 1, described()));
      assert.equal(codeOf(forged), "admission.id_enrolled");
      assert.equal((await take(polling, caller, messageOf(own, 2))).status, 200);
      held.resolve(messageOf(own, 2));
      assert.equal(codeOf(await slow), "admission.id_enrolled");
      assert.equal(live.all().length, 1);
      assert.deepEqual(await listed(core), [`${own} X25519MLKEM768`]);
      const refused = (await core.audit.list({ limit: 100 })).filter(
        ({ action }) => action === "claim.refused",
      );
      assert.deepEqual(
        refused.map(({ actor, subject }) => [actor, subject]),
        [["unproven:192.0.2.1", `agent:${own}`]],
      );
    }));

  it("answers bytes that are no message as to anybody, and forgets who is silent", () =>
    withPolling(async ({ core, polling, live }) => {
      assert.equal(
        codeOf(await take(polling, claimCaller(), Buffer.from("noise"))),
        "opamp.malformed",
      );
      await take(polling, claimCaller(), messageOf(id, 1, described()));
      core.clock.advance(HOUR_MS);
      await polling.forgetSilent();
      assert.deepEqual(live.all(), []);
      assert.equal((await core.agents.page(id)).state, "unproven");
    }));
});
