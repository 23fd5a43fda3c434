import assert from "node:assert/strict";
import { test } from "node:test";
import { createCsr, createKeyPair, type KeyPair } from "@tautline/pki";
import {
  CAPABILITY_ENROLMENT,
  customMessage,
  encodeRenewalRequest,
  fromWireText,
  type ServerToAgent,
} from "@tautline/protocol";
import { actionsOf, type Core, DAY_MS, GRACE_MS, withCore } from "../fixture-core.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import type { LapsedCaller } from "./caller.ts";
import { joinedCaller, messageOf } from "./fixture-messages.test.ts";
import { renewingOf } from "./fixture-sessions.test.ts";
import { createRenewalSession } from "./renewal-session.ts";

const OPERATOR = "operator:local";

interface Ground {
  readonly core: Core;
  readonly id: string;
  /** Asks over a link of its own, as an agent does that keeps its keys until it was answered. */
  readonly ask: (options?: {
    readonly keys?: Keys;
    readonly isLate?: boolean;
  }) => Promise<ServerToAgent>;
}

interface Keys {
  readonly client: KeyPair;
  readonly server: KeyPair;
}

const newKeys = (): Keys => ({ client: createKeyPair("p256"), server: createKeyPair("p256") });

/** An agent that was away for longer than the grace. */
const withLateAgent = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const { agent, evidence, expiresAtMs, remoteAddress } = await joinedCaller(core);
    const { id } = agent;
    await core.agents.activate(id);
    core.clock.advance(61 * DAY_MS);
    const own = newKeys();
    const lapsed: LapsedCaller = {
      kind: "lapsed",
      agentId: id,
      serial: evidence.peerSerial ?? "",
      expiredAtMs: expiresAtMs,
      isLate: true,
      evidence: { ...evidence, level: "tls", clientProven: false, peerId: null, peerSerial: null },
      remoteAddress,
    };
    await use({
      core,
      id,
      ask: ({ keys = own, isLate = true } = {}) =>
        createRenewalSession(renewingOf(core), { ...lapsed, isLate }).receive(
          renewMessage(id, keys),
        ),
    });
  });

function renewMessage(agentId: string, { client, server }: Keys): Uint8Array {
  const serverCsrPem = createCsr(server.privateKey, agentId);
  const data = encodeRenewalRequest({ counter: 1n, serverCsrPem, agentVersion: "1" });
  const csr = new TextEncoder().encode(createCsr(client.privateKey, agentId));
  return messageOf(agentId, 1, {
    connectionSettingsRequest: { opamp: { certificateRequest: { csr } } },
    customMessage: customMessage(CAPABILITY_ENROLMENT, "renew", data),
  });
}

function assertWaits(
  { errorResponse, customMessage: custom }: ServerToAgent,
  seconds: number,
): void {
  assert.equal(custom, undefined);
  assert.equal(fromWireText(errorResponse?.errorMessage ?? "").code, "enrolment.approval_pending");
  const { details } = errorResponse ?? {};
  assert.equal(details?.case, "retryInfo");
  assert.equal(details?.value?.retryAfterNanoseconds, BigInt(seconds) * 1_000_000_000n);
}

const certificates = async ({ store }: Core): Promise<number> =>
  (await store.read((db) => db.selectFrom("certificates").select("serial").execute())).length;

test("F5: beyond the grace a request is kept for an operator, who sees whose, since when and from where", () =>
  withLateAgent(async ({ core, id, ask }) => {
    const before = await certificates(core);
    assertWaits(await ask(), 1);
    core.clock.advance(100_000);
    assertWaits(await ask(), 10);
    const { state, approval } = await core.agents.page(id);
    assert.equal(state, "pending");
    assert.deepEqual(
      [approval?.kind, approval?.decision, approval?.remoteAddress],
      ["renewal", null, "192.0.2.1"],
    );
    const waitedMs = core.clock.now() - Date.parse(approval?.expiredAt ?? "");
    assert.ok(waitedMs > GRACE_MS);
    assert.equal(await certificates(core), before);
    const asked = (await actionsOf(core)).filter((action) => action === "agent.pending");
    assert.equal(asked.length, 1);
  }));

test("F5: approved it renews with no visit to the host, once: the next long absence waits again", () =>
  withLateAgent(async ({ core, id, ask }) => {
    await ask();
    await core.life.approve(id, OPERATOR);
    const granted = await ask();
    assert.equal(granted.customMessage?.type, "grant");
    const again = await ask();
    assert.equal(again.customMessage?.type, "grant", "the answer may have been lost (F3)");
    const { approval, renewal } = await core.agents.page(id);
    assert.deepEqual([approval, renewal.number], [null, 1]);
    core.clock.advance(61 * DAY_MS);
    assertWaits(await ask(), 1);
  }));

test("F25: an approval is for the keys that were asked for; others wait for one of their own", () =>
  withLateAgent(async ({ core, id, ask }) => {
    await ask();
    const { approval: first } = await core.agents.page(id);
    await core.life.approve(id, OPERATOR, first?.code);
    const copy = newKeys();
    assertWaits(await ask({ keys: copy }), 1);
    const { approval: second } = await core.agents.page(id);
    assert.notEqual(second?.code, first?.code);
    assert.equal(second?.decision, null);
    await refusalOf(core.life.approve(id, OPERATOR, first?.code), "enrolment.code_mismatch");
  }));

test("declined it is told so at the gate, and may be approved after all", () =>
  withLateAgent(async ({ core, id, ask }) => {
    await ask();
    await core.life.decline(id, OPERATOR);
    assert.equal((await core.agents.page(id)).state, "declined");
    await refusalOf(ask(), "enrolment.declined");
    await core.life.approve(id, OPERATOR);
    assert.equal((await ask()).customMessage?.type, "grant");
  }));

test("F5: with a longer grace it needs nobody: what was asked is forgotten", () =>
  withLateAgent(async ({ core, id, ask }) => {
    await ask();
    assert.equal((await ask({ isLate: false })).customMessage?.type, "grant");
    assert.equal((await core.agents.page(id)).approval, null);
  }));

test("a late agent that is revoked or quarantined meanwhile is not approved by an old approval", () =>
  withLateAgent(async ({ core, id, ask }) => {
    await ask();
    await core.life.approve(id, OPERATOR);
    await core.life.quarantine(id, OPERATOR);
    await refusalOf(ask(), "admission.agent_quarantined");
    await core.agents.revoke(id, OPERATOR);
    await refusalOf(ask(), "admission.agent_revoked");
  }));
