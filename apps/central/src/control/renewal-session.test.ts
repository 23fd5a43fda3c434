import assert from "node:assert/strict";
import { test } from "node:test";
import { createCsr, createKeyPair } from "@tautline/pki";
import {
  CAPABILITY_AUDIT,
  CAPABILITY_CERTIFICATE,
  CAPABILITY_ENROLMENT,
  customMessage,
  decodeEnrolmentGrant,
  encodeRenewalRequest,
  makeAgentId,
} from "@tautline/protocol";
import { DAY_MS, type Core, withCore } from "../fixture-core.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { createAgentSession } from "./agent-session.ts";
import type { AgentCaller, LapsedCaller } from "./caller.ts";
import { described, joinedCaller, messageOf, receipt } from "./fixture-messages.test.ts";
import { renewingOf, sessionDepsOf } from "./fixture-sessions.test.ts";
import { createRenewalSession } from "./renewal-session.ts";

/** A request for renewal with fresh keys. */
function renewMessage(agentId: string, counter = 1n): Uint8Array {
  const csr = (): string => createCsr(createKeyPair("p256").privateKey, agentId);
  const data = encodeRenewalRequest({ counter, serverCsrPem: csr(), agentVersion: "1" });
  return messageOf(agentId, 1, {
    connectionSettingsRequest: {
      opamp: { certificateRequest: { csr: new TextEncoder().encode(csr()) } },
    },
    customMessage: customMessage(CAPABILITY_ENROLMENT, "renew", data),
  });
}

function lapsedOf({ agent, evidence, expiresAtMs, remoteAddress }: AgentCaller): LapsedCaller {
  return {
    kind: "lapsed",
    agentId: agent.id,
    serial: evidence.peerSerial ?? "",
    expiredAtMs: expiresAtMs,
    isLate: false,
    evidence: { ...evidence, level: "tls", clientProven: false, peerId: null, peerSerial: null },
    remoteAddress,
  };
}

const withLapsed = (
  use: (ground: { readonly core: Core; readonly caller: LapsedCaller }) => Promise<void>,
): Promise<void> =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    await core.agents.activate(caller.agent.id);
    core.clock.advance(2 * DAY_MS);
    await use({ core, caller: lapsedOf(caller) });
  });

test("F5: over a link of an expired certificate an identity is granted", () =>
  withLapsed(async ({ core, caller }) => {
    const session = createRenewalSession(renewingOf(core), caller);
    const answer = await session.receive(renewMessage(caller.agentId));
    assert.equal(answer.customMessage?.type, "grant");
    const grant = decodeEnrolmentGrant(answer.customMessage?.data ?? new Uint8Array());
    assert.equal(grant.renewalCounter, 1n);
    assert.equal(session.isEnded(), false);
    assert.equal(await session.push(), undefined);
  }));

test("F5: nothing else is taken over it: no status, no other agent's message, no join", () =>
  withLapsed(async ({ core, caller }) => {
    const session = createRenewalSession(renewingOf(core), caller);
    const { agentId } = caller;
    const status = messageOf(agentId, 1, described({ site: "berlin" }));
    const error = await refusalOf(session.receive(status), "admission.renew_only");
    assert.match(error.message, /expired at 20/);
    const other = makeAgentId(0, new Uint8Array(10));
    await refusalOf(session.receive(renewMessage(other)), "opamp.not_your_id");
    const page = await core.agents.page(agentId);
    assert.deepEqual([page.attributes, page.renewal.number], [{}, 0]);
  }));

test("QMP-2: no instruction, forward, program's certificate or news of the trail is answered over it either, though its settings are old", () =>
  withLapsed(async ({ core, caller }) => {
    const { agentId } = caller;
    const setting = { namespace: "", key: "agents.heartbeatSeconds", value: "20" };
    await core.settings.put(setting, "operator:ana");
    const asked = [
      receipt(1n),
      { customMessage: customMessage(CAPABILITY_CERTIFICATE, "request", Buffer.from("x")) },
      { customMessage: customMessage(CAPABILITY_AUDIT, "head", Buffer.from("x")) },
      { remoteConfigStatus: {} },
      {},
    ];
    for (const [at, fields] of asked.entries()) {
      const session = createRenewalSession(renewingOf(core), caller);
      await refusalOf(session.receive(messageOf(agentId, at, fields)), "admission.renew_only");
      assert.equal(await session.push(), undefined);
    }
    const answer = await createRenewalSession(renewingOf(core), caller).receive(
      renewMessage(agentId),
    );
    assert.equal(answer.remoteConfig, undefined);
    assert.equal(answer.customMessage?.type, "grant");
  }));

test("a goodbye is answered and ends the session", () =>
  withLapsed(async ({ core, caller }) => {
    const session = createRenewalSession(renewingOf(core), caller);
    await session.receive(messageOf(caller.agentId, 1, { agentDisconnect: {} }));
    assert.equal(session.isEnded(), true);
  }));

test("over a link in order a renewal is granted beside the status, which is kept", () =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    const { id } = caller.agent;
    const session = createAgentSession(sessionDepsOf(core), caller);
    await session.receive(messageOf(id, 0, described({ site: "berlin" })));
    const answer = await session.receive(renewMessage(id));
    assert.equal(answer.customMessage?.type, "grant");
    assert.equal(answer.remoteConfig, undefined);
    const page = await core.agents.page(id);
    assert.deepEqual([page.attributes["site"], page.renewal.number], ["berlin", 1]);
  }));

test("A28: a certificate that ends while its link lives ends what the link may do", () =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    const { id } = caller.agent;
    const session = createAgentSession(sessionDepsOf(core), caller);
    await session.receive(messageOf(id, 0, described()));
    core.clock.advance(caller.expiresAtMs - core.clock.now());
    await session.receive(messageOf(id, 1));
    core.clock.advance(1);
    await refusalOf(session.receive(messageOf(id, 2)), "admission.certificate_expired");
  }));

test("F25: an identity counts as proven when its first message was taken, not before", () =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    const { id } = caller.agent;
    const inUse = async (): Promise<number> => (await core.agents.page(id)).renewal.inUse;
    const first = createAgentSession(sessionDepsOf(core), caller);
    await first.receive(messageOf(id, 0, described()));
    await first.receive(renewMessage(id, 1n));
    const { serial } = await core.store.read((db) =>
      db
        .selectFrom("certificates")
        .select("serial")
        .where("renewal_counter", "=", 1)
        .where("purpose", "=", "client")
        .executeTakeFirstOrThrow(),
    );
    const evidence = { ...caller.evidence, peerSerial: serial };
    const second = createAgentSession(sessionDepsOf(core), { ...caller, evidence });
    assert.equal(await inUse(), 0);
    await second.receive(messageOf(id, 0, described()));
    assert.equal(await inUse(), 1);
  }));
