import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTally } from "./tally.ts";
import { createTurns } from "./turns.ts";
import {
  agentIdToBytes,
  compareLevels,
  decodeJoinToken,
  encodeJoinToken,
  type ErrorCode,
  type Level,
  LEVELS,
  TautlineError,
} from "@tautline/protocol";
import { createTestAuthority, offerLevel } from "@tautline/testing";
import { LevelKeeper, type LevelMove, type SavedLevel } from "./level-keeper.ts";
import type { ClimbEntry } from "./ledger.ts";
import { parseLoopbackTarget } from "./loopback-target.ts";
import type { SimulatedIdentity } from "./simulated-identity.ts";
import type { SwarmWorld } from "./swarm-world.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const authority = createTestAuthority();
const target = parseLoopbackTarget("127.0.0.1:9150");
const plaintextTarget = parseLoopbackTarget("127.0.0.1:8787");

const identity: SimulatedIdentity = {
  id: ID,
  uid: agentIdToBytes(ID),
  name: "swarm-1",
  namespace: "default",
  trustDomain: authority.trustDomain,
  keyPem: "",
  chainPem: "",
  roots: [],
  instructorKeyPem: authority.instructorKeyPem,
  signerEpoch: 1,
  offerHash: new Uint8Array(),
  counter: 0n,
  endsMs: 0,
  renewAtMs: 0,
};

const token = encodeJoinToken({
  addresses: ["127.0.0.1:9150"],
  pins: [authority.rootPin],
  trustDomain: authority.trustDomain,
  namespace: "default",
  tokenId: "t",
  secret: new Uint8Array(32),
});

function makeKeeper(level: Level, saved?: SavedLevel) {
  const entries: ClimbEntry[] = [];
  const tally = createTally(Date.now);
  const world: SwarmWorld = {
    target,
    plaintextTarget,
    levels: [level],
    token: decodeJoinToken(token),
    ledger: {
      append: async (entry) => {
        if ("level" in entry) entries.push(entry);
      },
      close: async () => {},
    },
    tally,
    climbing: createTurns(1),
    pace: { intervalMs: undefined },
    now: Date.now,
    random: () => 0.5,
    randomBytes: (size) => new Uint8Array(size),
    onBroken: (error) => assert.fail(String(error)),
  };
  return { keeper: new LevelKeeper(world, level, saved), entries, tally };
}

interface Order {
  readonly level: Level;
  readonly addresses?: readonly string[];
  readonly seq?: bigint;
  readonly agentId?: string;
  readonly namespace?: string;
  readonly signerEpoch?: number;
  readonly by?: typeof authority;
}

function envelopeOf({ level, addresses = [], by = authority, ...about }: Order): Uint8Array {
  const instruction = { agentId: ID, namespace: "default", seq: 1n, ...about };
  const offer = offerLevel({ authority: by, level, addresses, instruction });
  return offer.customMessage?.data ?? new Uint8Array();
}

function moveOf(told: ReturnType<LevelKeeper["receive"]>): LevelMove {
  assert.ok(!("code" in told), JSON.stringify("code" in told && told.code));
  return told;
}

describe("the level of a simulated agent", () => {
  it("A24: rises by a signed order alone, is what it was until central has answered, and stands in the ledger", () => {
    const { keeper, entries, tally } = makeKeeper("plaintext");
    const move = moveOf(keeper.receive(envelopeOf({ level: "mtls" }), identity));
    assert.deepEqual([keeper.inUse, keeper.forNextLink, entries], ["plaintext", "plaintext", []]);
    assert.deepEqual(move.targets, [target]);
    keeper.proven(ID, "mtls", target);
    assert.equal(keeper.inUse, "mtls");
    assert.deepEqual(
      entries.map(({ agent, level }) => [agent, level]),
      [[ID, "mtls"]],
    );
    assert.equal(tally.read().climbs, 1);
  });

  it("A24: is never lowered, whatever is ordered, proven or refused", () => {
    for (const from of LEVELS) {
      for (const level of LEVELS) {
        const { keeper } = makeKeeper(from);
        const told = keeper.receive(envelopeOf({ level }), identity);
        if (compareLevels(level, from) < 0) {
          assert.equal("code" in told && told.code, "agent.level_lowered");
        }
        keeper.proven(ID, level, target);
        keeper.unanswered(new TautlineError("link.level_refused"));
        assert.ok(compareLevels(keeper.inUse, from) >= 0);
        assert.ok(compareLevels(keeper.forNextLink, from) >= 0);
      }
    }
  });

  const refused: readonly [what: string, order: Order, code: ErrorCode][] = [
    [
      "A10: signed by somebody else",
      { level: "mtls", by: createTestAuthority() },
      "instruction.bad_signature",
    ],
    [
      "A9: for another agent",
      { level: "mtls", agentId: ID.replace(/1$/, "2") },
      "instruction.not_for_this_agent",
    ],
    [
      "A9: of another namespace",
      { level: "mtls", namespace: "other" },
      "instruction.not_for_this_agent",
    ],
    ["of another epoch", { level: "mtls", signerEpoch: 2 }, "instruction.wrong_epoch"],
  ];
  for (const [what, order, code] of refused) {
    it(`stays where the order is ${what}`, () => {
      const { keeper } = makeKeeper("basic");
      const told = keeper.receive(envelopeOf(order), identity);
      assert.equal("code" in told && told.code, code);
      assert.equal(moveOf(keeper.receive(envelopeOf({ level: "mtls" }), identity)).level, "mtls");
    });
  }

  it("A4: takes no order twice, and none that is no order", () => {
    const { keeper } = makeKeeper("plaintext");
    moveOf(keeper.receive(envelopeOf({ level: "tls", seq: 7n }), identity));
    for (const seq of [7n, 6n]) {
      const told = keeper.receive(envelopeOf({ level: "mtls", seq }), identity);
      assert.equal("code" in told && told.code, "instruction.replayed");
    }
    const { saved } = keeper;
    assert.deepEqual(saved, { inUse: "plaintext", epoch: 1, seq: 7n });
    const again = makeKeeper("mtls", saved).keeper;
    assert.equal(again.inUse, "plaintext");
    const told = again.receive(envelopeOf({ level: "mtls", seq: 7n }), identity);
    assert.equal("code" in told && told.code, "instruction.replayed");
    const none = again.receive(new Uint8Array([1, 2, 3]), identity);
    assert.equal("code" in none && none.code, "instruction.malformed");
  });

  it("says of an order to the level in use that it is carried out", () => {
    const { keeper } = makeKeeper("tls");
    const told = keeper.receive(envelopeOf({ level: "tls" }), identity);
    assert.deepEqual(told, { signerEpoch: 1, seq: 1n, code: "", text: "" });
  });

  it("goes to no other host, whatever addresses are ordered; names are not looked up", () => {
    const { keeper } = makeKeeper("plaintext");
    const addresses = [
      "192.0.2.1:9150",
      "central.example.org:9150",
      "127.0.0.2:9151",
      "[::1]:9150",
    ];
    const { targets } = moveOf(keeper.receive(envelopeOf({ level: "mtls", addresses }), identity));
    assert.deepEqual(
      targets.map(({ address }) => address),
      ["127.0.0.2:9151", "[::1]:9150", "127.0.0.1:9150"],
    );
    const moved = parseLoopbackTarget("127.0.0.2:9151");
    keeper.proven(ID, "mtls", moved);
    assert.equal(keeper.targetOf("mtls"), moved);
  });

  it("tries mtls by turns where its level is refused, or is not heard for eight rounds", () => {
    const { keeper } = makeKeeper("basic");
    const nobody = new TautlineError("link.timeout");
    for (let round = 1; round < 8; round += 1) {
      keeper.unanswered(nobody);
      assert.equal(keeper.forNextLink, "basic");
    }
    keeper.unanswered(nobody);
    assert.equal(keeper.forNextLink, "mtls");
    keeper.unanswered(nobody);
    assert.equal(keeper.forNextLink, "basic");
    keeper.proven(ID, "basic", target);
    keeper.unanswered(new TautlineError("link.level_refused"));
    assert.equal(keeper.forNextLink, "mtls");
    assert.equal(keeper.inUse, "basic");
  });

  it("plaintext has a port of its own", () => {
    const { keeper } = makeKeeper("plaintext");
    assert.equal(keeper.targetOf("plaintext"), plaintextTarget);
    assert.equal(keeper.targetOf("mtls"), target);
  });
});
