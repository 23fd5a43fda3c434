import assert from "node:assert/strict";
import { test } from "node:test";
import { agentIdFromBytes, type AgentToServer, ServerErrorResponseType } from "@tautline/protocol";
import { startStandInCentral, type StandInBehaviour, type StandInCentral } from "@tautline/testing";
import { attributesOf, withSwarm } from "./fixture-swarm.test.ts";
import type { Ledger } from "./ledger.ts";
import { statusHash } from "./status-message.ts";

const isStatus = (message: AgentToServer): boolean => "swarm.hash" in attributesOf(message);

test("an agent joins by its token over pinned TLS, then links by mutual TLS under the id it joined with", () =>
  withSwarm({}, async ({ central, swarm }) => {
    await swarm.joined;
    const [join, first] = central.received;
    assert.ok(join !== undefined && first !== undefined);
    assert.deepEqual([join.evidence.level, first.evidence.level], ["tls", "mtls"]);
    assert.match(join.authorization ?? "", /^Bearer stand-in\./);
    assert.equal(first.authorization, undefined);
    assert.deepEqual(first.message.instanceUid, join.message.instanceUid);
    assert.equal(swarm.tally.read().joined, 1);
  }));

test("every agent is another one: id, keys, name", () =>
  withSwarm({ agents: 5, joinRate: 1_000 }, async ({ central, swarm }) => {
    await swarm.joined;
    const joins = central.received.filter(({ evidence }) => evidence.level === "tls");
    const ids = new Set(joins.map(({ message }) => agentIdFromBytes(message.instanceUid)));
    const names = new Set(joins.map(({ message }) => attributesOf(message)["tautline.name"]));
    const serials = new Set(
      central.received.map(({ evidence }) => evidence.peerSerial).filter((each) => each !== null),
    );
    assert.deepEqual([ids.size, names.size, serials.size], [5, 5, 5]);
  }));

test("each status has the next number and its hash, and stands in the ledger before the next goes out", () =>
  withSwarm({ intervalMs: 0 }, async ({ central, entries, stop }) => {
    await central.waitFor(({ message }) => message.sequenceNum === 4n && isStatus(message));
    const known = entries.map(({ sequence }) => sequence);
    assert.deepEqual(known.slice(0, 3), [1, 2, 3]);
    await stop();
    const statuses = central.received.filter(({ message }) => isStatus(message));
    for (const { message } of statuses) {
      const sequence = Number(message.sequenceNum);
      const id = agentIdFromBytes(message.instanceUid);
      const attributes = attributesOf(message);
      assert.equal(attributes["swarm.sequence"], String(sequence));
      assert.equal(attributes["swarm.hash"], statusHash(id, sequence));
    }
    assert.equal(entries.length, statuses.length, "stopping waits for the answer under way");
  }));

test("stopping says goodbye", () =>
  withSwarm({}, async ({ central, swarm, stop }) => {
    await swarm.joined;
    await stop();
    await central.waitFor(({ message }) => message.agentDisconnect !== undefined);
    assert.equal(swarm.tally.read().connected, 0);
  }));

test("a broken link is dialled again, with the full status and the numbers going on", () =>
  withSwarm({}, async ({ central, swarm }) => {
    await swarm.joined;
    central.cut();
    const again = await central.waitFor(({ message, evidence }) => {
      return evidence.level === "mtls" && message.sequenceNum === 2n;
    });
    assert.notEqual(again.message.agentDescription, undefined);
    assert.equal(swarm.tally.read().errors["agent.link_closed"], 1);
  }));

test("redial breaks every link and resolves when all are back", () =>
  withSwarm({ agents: 3 }, async ({ swarm }) => {
    await swarm.joined;
    await swarm.redial(2);
    const { reconnects, connected, errors } = swarm.tally.read();
    assert.deepEqual(
      { reconnects, connected, errors },
      { reconnects: 3, connected: 3, errors: {} },
    );
  }));

test("a token of another central ends the agent before a byte is said, and is counted", () =>
  withSwarm({ tokenOf: () => foreignToken }, async ({ central, swarm }) => {
    await swarm.ended;
    assert.equal(central.received.length, 0);
    const { lost, errors } = swarm.tally.read();
    assert.deepEqual({ lost, errors }, { lost: 1, errors: { "link.pin_mismatch": 1 } });
  }));

test("a refused token ends the agent; it is not asked about again", () => {
  const behaviour: StandInBehaviour = { refuse: () => ({ status: 401 }) };
  return withSwarm({ behaviour }, async ({ swarm }) => {
    await swarm.ended;
    const { lost, errors } = swarm.tally.read();
    assert.deepEqual({ lost, errors }, { lost: 1, errors: { "link.refused": 1 } });
  });
});

test("A4: a central that is busy is asked again, not before the time it names", () => {
  const askedAt: number[] = [];
  const behaviour: StandInBehaviour = {
    refuse: () => {
      askedAt.push(Date.now());
      if (askedAt.length > 1) return undefined;
      return { status: 503, headers: { "Retry-After": "1" } };
    },
  };
  return withSwarm({ behaviour }, async ({ swarm }) => {
    await swarm.joined;
    const [first = 0, second = 0] = askedAt;
    assert.ok(second - first >= 1_000, `asked again after ${second - first} ms`);
    assert.equal(swarm.tally.read().joined, 1);
  });
});

test("an error reply is no acknowledgement", () => {
  const behaviour: StandInBehaviour = {};
  behaviour.answer = (received) =>
    received.evidence.level === "tls"
      ? received.message.customMessage && centralOf().honestAnswer(received)
      : {
          instanceUid: received.message.instanceUid,
          errorResponse: { type: ServerErrorResponseType.BAD_REQUEST, errorMessage: "no" },
        };
  let central: StandInCentral | undefined;
  const centralOf = (): StandInCentral => {
    assert.ok(central !== undefined);
    return central;
  };
  return withSwarm(
    { behaviour, tokenOf: (one) => (central = one).makeToken() },
    async ({ central: one, entries, swarm }) => {
      await one.waitFor(({ message }) => message.sequenceNum === 2n);
      assert.deepEqual(entries, []);
      assert.equal(swarm.tally.read().joined, 0);
    },
  );
});

test("an answer that carries an offer acknowledges too, once the pong has shown that it was the answer", () => {
  const behaviour: StandInBehaviour = {};
  let central: StandInCentral | undefined;
  behaviour.answer = (received) => {
    assert.ok(central !== undefined);
    if (received.evidence.level === "tls") return central.honestAnswer(received);
    // Each answer carries an offer; it acknowledges, for nothing else comes before the pong.
    const { instanceUid } = received.message;
    return { instanceUid, remoteConfig: { configHash: new Uint8Array(32) } };
  };
  return withSwarm(
    { behaviour, intervalMs: 0, tokenOf: (one) => (central = one).makeToken() },
    async ({ central: one, entries, stop }) => {
      await one.waitFor(({ message }) => message.sequenceNum === 4n && isStatus(message));
      await stop();
      const statuses = one.received.filter(({ message }) => isStatus(message));
      assert.equal(entries.length, statuses.length);
    },
  );
});

test("F11: a ledger that fails ends the whole swarm, which says so", () => {
  const failure = new Error("no space");
  const ledger: Ledger = { append: () => Promise.reject(failure), close: async () => {} };
  return withSwarm({ ledger, agents: 2 }, async ({ swarm }) => {
    await assert.rejects(swarm.ended, failure);
    assert.equal(swarm.tally.read().acknowledged, 0);
  });
});

test("another pace counts from now on", () =>
  withSwarm({}, async ({ central, swarm }) => {
    await swarm.joined;
    swarm.setInterval(0);
    await central.waitFor(({ message }) => message.sequenceNum === 3n && isStatus(message));
  }));

/** Of a central that does not exist. */
const foreignToken = await (async () => {
  const other = await startStandInCentral();
  const token = other.makeToken();
  await other.close();
  return token;
})();
