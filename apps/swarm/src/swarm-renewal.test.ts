import assert from "node:assert/strict";
import { test } from "node:test";
import { readCsr } from "@tautline/pki";
import {
  agentIdFromBytes,
  decodeRenewalRequest,
  type RenewalRequest,
  ServerErrorResponseType,
} from "@tautline/protocol";
import {
  createTestAuthority,
  type StandInBehaviour,
  type StandInCentral,
  type StandInMessage,
} from "@tautline/testing";
import { withSwarm } from "./fixture-swarm.test.ts";
import type { SavedAgent } from "./swarm-state.ts";

/** Long enough for a join on a busy machine, short enough to wait for its half. */
const SHORT_LIFE_MS = 5_000;
const isRenewal = ({ message }: StandInMessage): boolean => message.customMessage?.type === "renew";

/** Short lives for joins; a test that wants long ones for what follows takes this out. */
const shortJoins = (): StandInBehaviour => ({ grant: { lifetimeMs: SHORT_LIFE_MS } });

function publicKeyOf(request: RenewalRequest | undefined, agentId: string): string {
  const { publicKey } = readCsr(request?.serverCsrPem ?? "", { agentId });
  return publicKey.export({ type: "spki", format: "pem" });
}

test("F7: an agent asks over its link at half of its life, proves the next identity over another, and drops the old one without a gap", () => {
  const behaviour = shortJoins();
  return withSwarm({ behaviour }, async ({ central, swarm }) => {
    await swarm.joined;
    delete behaviour.grant;
    const asked = await central.waitFor(isRenewal);
    const proof = await central.waitFor(({ link }) => link > asked.link);
    assert.deepEqual([asked.evidence.level, proof.evidence.level], ["mtls", "mtls"]);
    assert.notEqual(proof.evidence.peerSerial, asked.evidence.peerSerial);
    assert.notEqual(proof.message.agentDescription, undefined, "a new link tells the whole state");
    swarm.setInterval(0);
    await central.waitFor(({ link, message }) => link > proof.link - 1 && message.sequenceNum > 4n);
    const { renewals, gaps, renewalFailures, connected, reconnects } = swarm.tally.read();
    assert.deepEqual(
      { renewals, gaps, renewalFailures, connected, reconnects },
      { renewals: 1, gaps: 0, renewalFailures: 0, connected: 1, reconnects: 0 },
    );
    assert.ok(central.received.every(({ message }) => message.agentDisconnect === undefined));
  });
});

test("F3: a renewal without a usable answer is asked for again with the same number and keys", () => {
  const behaviour = shortJoins();
  let central: StandInCentral | undefined;
  const requests: Uint8Array[] = [];
  behaviour.answer = (received) => {
    assert.ok(central !== undefined);
    if (!isRenewal(received)) return central.honestAnswer(received);
    requests.push(received.message.customMessage?.data ?? new Uint8Array());
    if (requests.length > 1) return central.honestAnswer(received);
    const { UNAVAILABLE } = ServerErrorResponseType;
    const errorResponse = { type: UNAVAILABLE, errorMessage: "busy" };
    return { instanceUid: received.message.instanceUid, errorResponse };
  };
  const tokenOf = (one: StandInCentral): string => (central = one).makeToken();
  return withSwarm({ behaviour, tokenOf }, async ({ central: one, swarm }) => {
    await swarm.joined;
    const asked = await one.waitFor(isRenewal);
    const again = await one.waitFor((each) => isRenewal(each) && each !== asked);
    await one.waitFor(({ link }) => link > again.link);
    const [first, second] = requests.map((data) => decodeRenewalRequest(data));
    assert.equal(first?.counter, second?.counter);
    const agentId = agentIdFromBytes(asked.message.instanceUid);
    assert.equal(publicKeyOf(first, agentId), publicKeyOf(second, agentId));
  });
});

test("a grant of another authority's is refused, counted, and the link serves on", () => {
  const behaviour = shortJoins();
  return withSwarm({ behaviour }, async ({ central, swarm }) => {
    await swarm.joined;
    behaviour.grant = { change: { rootsPem: createTestAuthority().rootPem } };
    const asked = await central.waitFor(isRenewal);
    swarm.setInterval(0);
    const { link } = asked;
    const { sequenceNum } = asked.message;
    await central.waitFor((each) => each.link === link && each.message.sequenceNum > sequenceNum);
    const { renewals, renewalFailures, errors } = swarm.tally.read();
    assert.equal(renewals, 0);
    assert.ok(renewalFailures >= 1 && (errors["agent.grant_refused"] ?? 0) >= 1);
  });
});

test("F5: a resumed agent whose certificate has expired renews by the proof of its old key and joins no second time", async () => {
  const authority = createTestAuthority();
  let saved: SavedAgent[] = [];
  await withSwarm({ authority }, async ({ swarm, stop }) => {
    await swarm.joined;
    await stop();
    saved = swarm.save();
  });
  const [agent] = saved;
  assert.ok(agent !== undefined);
  // The certificate itself is good for longer: what is tried here is the way an agent takes when its own clock says it has ended.
  const ended = { ...agent, identity: { ...agent.identity, endsMs: Date.now() - 1_000 } };
  await withSwarm({ authority, saved: [ended] }, async ({ central, swarm }) => {
    await swarm.joined;
    const [renewal, first] = central.received;
    assert.ok(renewal !== undefined && first !== undefined);
    assert.ok(isRenewal(renewal) && !isRenewal(first));
    assert.ok(central.received.every(({ authorization }) => authorization === undefined));
    assert.equal(first.message.sequenceNum, BigInt(agent.sequence) + 1n, "numbers go on");
    const { joined, lapsed, renewals, gaps } = swarm.tally.read();
    assert.deepEqual(
      { joined, lapsed, renewals, gaps },
      { joined: 1, lapsed: 1, renewals: 1, gaps: 1 },
    );
  });
});

test("a central that says the certificate has expired is believed, whatever this host's clock says", () => {
  const behaviour: StandInBehaviour = {};
  let central: StandInCentral | undefined;
  let isTold = false;
  behaviour.answer = (received) => {
    assert.ok(central !== undefined);
    if (received.evidence.level === "tls" || isRenewal(received) || isTold) {
      return central.honestAnswer(received);
    }
    isTold = true;
    const errorMessage = "admission.renew_only: it has expired. Renew it.";
    const { instanceUid } = received.message;
    return {
      instanceUid,
      errorResponse: { type: ServerErrorResponseType.BAD_REQUEST, errorMessage },
    };
  };
  const tokenOf = (one: StandInCentral): string => (central = one).makeToken();
  return withSwarm({ behaviour, tokenOf }, async ({ swarm }) => {
    await swarm.joined;
    const { lapsed, renewals } = swarm.tally.read();
    assert.deepEqual({ lapsed, renewals }, { lapsed: 1, renewals: 1 });
  });
});
