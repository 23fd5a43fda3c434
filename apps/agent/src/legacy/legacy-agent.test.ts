import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createKeyPair, signPromotion, spkiPin } from "@tautline/pki";
import {
  AGENT_ATTRIBUTES,
  attributesToRecord,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_PROMOTION,
  agentIdFromBytes,
  customMessage,
  encodePromotionOffer,
  isTautlineError,
  readInstructionKinds,
  type AgentToServer,
  type ErrorCode,
} from "@tautline/protocol";
import {
  acknowledge,
  startStandInCentral,
  startTcpRelay,
  withTempFolder,
  type StandInAnswer,
} from "@tautline/testing";
import { startKeyedCentral } from "../../test/keyed-central.ts";
import { startLegacy } from "../../test/legacy-scene.ts";
import { makeTestAgent } from "../../test/running-agent.ts";
import { readStatus } from "../status/status-reader.ts";
import { OFFER_SENTENCE } from "./legacy-agent.ts";
import { readLegacy, writeLegacy } from "./legacy-file.ts";

const LEVELS = ["plaintext", "basic", "advanced"] as const;
const TRANSPORTS = ["websocket", "polling"] as const;

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

const isGoodbye = ({ message }: { message: AgentToServer }): boolean =>
  message.agentDisconnect !== undefined;

for (const level of LEVELS) {
  for (const transport of TRANSPORTS) {
    test(`OV-1: at ${level}, over ${transport}, an agent that has not joined reports and says goodbye`, async () => {
      await withTempFolder(async (root) => {
        await using central = await startKeyedCentral(level);
        const yaml = `central: { transport: ${transport}, pollingInterval: 30s }`;
        const wish = { addresses: [central.address], level };
        const agent = startLegacy(join(root, "agent"), wish, yaml);
        const { message, evidence, host } = await central.waitFor(() => true);
        const status = await untilConnected(agent.folder);
        assert.deepEqual([evidence.level, host], [level, central.address]);
        assert.equal(agentIdFromBytes(message.instanceUid), status.id);
        // ReportsStatus, ReportsHealth, ReportsHeartbeat: it accepts nothing.
        assert.equal(message.capabilities, 0x2801n);
        assert.deepEqual(message.customCapabilities?.capabilities, [CAPABILITY_PROMOTION]);
        assert.deepEqual(
          [status.state, status.level, status.name, status.namespace, status.vault],
          ["unproven", level, "old-1", null, null],
        );
        assert.equal(status.link?.level, level);
        assert.equal(status.provenLevel, level === "plaintext" ? null : level);
        assert.equal(status.key, level === "plaintext" ? null : "legacy");
        await agent.stop();
        await central.waitFor(isGoodbye);
        assert.equal((await readStatus(agent.folder)).running, false);
        assert.equal((await readStatus(agent.folder)).id, status.id);
      });
    });
  }
}

test("QM-3: an agent that has not joined says how its host gets a newer version, and that it carries out nothing", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const agent = startLegacy(join(root, "agent"), wish, "upgrade: firmware\n");
    const { message } = await central.waitFor(() => true);
    await agent.stop();
    const said = attributesToRecord(message.agentDescription?.nonIdentifyingAttributes ?? []);
    assert.equal(said[AGENT_ATTRIBUTES.upgrade], "firmware");
    assert.deepEqual(readInstructionKinds(said[AGENT_ATTRIBUTES.instructions]), []);
  });
});

test("forwards of an agent that has not joined lead nowhere, and it says so", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const yaml = `forwards: { db: { listen: "unix:db.sock" } }`;
    const agent = startLegacy(join(root, "agent"), wish, yaml);
    await central.waitFor(() => true);
    const { errors, forwards } = await untilConnected(agent.folder);
    assert.deepEqual([errors[0]?.code, forwards], ["agent.forward_unjoined", []]);
    assert.ok(!existsSync(join(root, "agent", "db.sock")));
    await agent.stop();
  });
});

test("the edge of an agent that has not joined does not listen, and it says so and what to do", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const yaml = `edge: { listen: "unix:edge.sock" }`;
    const agent = startLegacy(join(root, "agent"), wish, yaml);
    await central.waitFor(() => true);
    const { errors, edge } = await untilConnected(agent.folder);
    assert.deepEqual([errors[0]?.code, edge], ["agent.edge_unjoined", null]);
    assert.ok(!existsSync(join(root, "agent", "edge.sock")));
    await agent.stop();
  });
});

/** Its first answer is followed a moment after central has sent it. */
async function untilConnected(
  folder: Parameters<typeof readStatus>[0],
): ReturnType<typeof readStatus> {
  for (;;) {
    const status = await readStatus(folder);
    if (status.central.connected) return status;
  }
}

test("the id is made once, kept in a file of mode 0600, and is the same at the next start", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const ids: string[] = [];
    for (const round of [1, 2]) {
      const agent = startLegacy(join(root, "agent"), wish);
      await central.waitFor((one) => !isGoodbye(one) && central.heard.length >= round);
      await untilConnected(agent.folder);
      await agent.stop();
      ids.push(agent.connected[0]?.id ?? "");
      assert.equal(statSync(agent.folder.legacy).mode & 0o777, 0o600);
      assert.equal(existsSync(agent.folder.settings), false);
      assert.equal(existsSync(agent.folder.vaultKey), false);
    }
    assert.equal(ids[0], ids[1]);
  });
});

/** How each level begins: basic's magic, a TLS record. */
const OPENINGS = { basic: "f4544c", advanced: "160301" };

const EIGHTHS = [0, 1, 2, 3, 4, 5, 6, 7];

for (const level of ["basic", "advanced"] as const) {
  test(`A24, F17: at ${level} a link that is reset at any of ${EIGHTHS.length} places is dialled again at the same level and at no other`, async () => {
    await withTempFolder(async (root) => {
      await using central = await startKeyedCentral(level);
      const length = await lengthOfTalk(join(root, "agent"), central.port, level);
      for (const eighth of EIGHTHS) {
        const resetAfter = 1 + Math.floor((length * eighth) / 8);
        await using relay = await startTcpRelay({ toPort: central.port, resetAfter });
        const wish = { addresses: [`127.0.0.1:${relay.port}`], level };
        const agent = startLegacy(join(root, `agent-${eighth}`), wish);
        while (relay.connections() < 2) await new Promise((next) => setImmediate(next));
        await agent.stop();
        assert.equal(relay.said().subarray(0, 3).toString("hex"), OPENINGS[level]);
        assert.ok(!relay.said().includes("HTTP/1.1"), `after ${resetAfter} of ${length} bytes`);
      }
      assert.ok(central.heard.every(({ evidence }) => evidence.level === level));
    });
  });
}

/** All that an agent says until its first message is answered. */
async function lengthOfTalk(
  path: string,
  toPort: number,
  level: "basic" | "advanced",
): Promise<number> {
  await using relay = await startTcpRelay({ toPort });
  const agent = startLegacy(path, { addresses: [`127.0.0.1:${relay.port}`], level });
  await untilConnected(agent.folder);
  const { length } = relay.said();
  await agent.stop();
  return length;
}

test("a central that does not accept the level is dialled again at that level, and told as it is", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    const agent = startLegacy(join(root, "agent"), {
      addresses: [central.address],
      level: "advanced",
    });
    while (agent.problems.length < 2) await new Promise((next) => setImmediate(next));
    const { central: shown, errors } = await readStatus(agent.folder);
    assert.equal(shown.connected, false);
    assert.equal(shown.attempts[0]?.address, central.address);
    assert.match(errors[0]?.code ?? "", /^link\./);
    await agent.stop();
    assert.deepEqual(central.heard, []);
  });
});

const capability =
  (name: string, type: string) =>
  (message: AgentToServer): StandInAnswer => ({
    ...acknowledge(message),
    customMessage: {
      ...customMessage(CAPABILITY_INSTRUCTION, "signed", Buffer.from("x")),
      capability: name,
      type,
    },
  });

const ORDERS: Readonly<Record<string, (message: AgentToServer) => StandInAnswer>> = {
  settings: capability(CAPABILITY_INSTRUCTION, "signed"),
  "an identity": capability(CAPABILITY_ENROLMENT, "grant"),
  "a restart": (message) => ({ ...acknowledge(message), command: { type: 0 } }),
  "another id": (message) => ({
    ...acknowledge(message),
    agentIdentification: { newInstanceUid: Buffer.alloc(16, 1) },
  }),
  "connection settings": (message) => ({ ...acknowledge(message), connectionSettings: {} }),
  "remote configuration": (message) => ({ ...acknowledge(message), remoteConfig: {} }),
};
for (const [name, answer] of Object.entries(ORDERS)) {
  test(`A4: ${name} from central changes nothing at an agent that has no identity, and is shown`, async () => {
    await withTempFolder(async (root) => {
      await using central = await startKeyedCentral("basic");
      central.answer = answer;
      const agent = startLegacy(join(root, "agent"), {
        addresses: [central.address],
        level: "basic",
      });
      await central.waitFor(() => true);
      await untilConnected(agent.folder);
      while (agent.problems.length === 0) await new Promise((next) => setImmediate(next));
      const before = readLegacy(agent.folder.legacy);
      await agent.stop();
      assert.equal(agent.problems[0], "agent.order_unproven");
      assert.deepEqual(readLegacy(agent.folder.legacy), before);
      assert.equal(existsSync(agent.folder.settings), false);
      // Nothing is receipted: there is nobody whose order it could be.
      assert.ok(central.heard.every(({ message }) => message.customMessage === undefined));
    });
  });
}

const ROOT = createKeyPair("p256");
const OFFER = {
  addresses: ["central.example.org:9150"],
  pins: [new Uint8Array(32).fill(7), spkiPin(ROOT.publicKey)],
  trustDomain: "fleet.example.org",
};
const SIGNED = encodePromotionOffer(signPromotion(ROOT.privateKey, OFFER));

test("a promotion is kept and told to people, and followed by nobody", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    central.answer = (message) => ({
      ...acknowledge(message),
      customMessage: customMessage(CAPABILITY_PROMOTION, "offer", SIGNED),
    });
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const agent = startLegacy(join(root, "agent"), wish);
    await untilConnected(agent.folder);
    while ((await readStatus(agent.folder)).promotion === null);
    await agent.stop();
    const { promotion } = await readStatus(agent.folder);
    const pins = OFFER.pins.map((pin) => Buffer.from(pin).toString("base64url"));
    assert.deepEqual({ ...promotion, at: "" }, { ...OFFER, pins, at: "" });
    assert.equal(agent.logged.filter((line) => line.includes(OFFER_SENTENCE)).length, 1);
    assert.deepEqual(agent.problems, []);
    assert.ok(central.heard.every(({ evidence }) => evidence.level === "plaintext"));
  });
});

test("a promotion that cannot be read is a problem and is not kept", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    central.answer = (message) => ({
      ...acknowledge(message),
      customMessage: customMessage(CAPABILITY_PROMOTION, "offer", Buffer.from("lead me on")),
    });
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const agent = startLegacy(join(root, "agent"), wish);
    while (agent.problems.length === 0) await new Promise((next) => setImmediate(next));
    await agent.stop();
    assert.equal(agent.problems[0], "opamp.promotion_malformed");
    assert.equal((await readStatus(agent.folder)).promotion, null);
  });
});

test("A24: a promotion whose addresses were changed on the way is a problem and is not kept", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("plaintext");
    const signed = signPromotion(ROOT.privateKey, OFFER);
    const data = encodePromotionOffer({ ...signed, addresses: ["attacker.example.org:9150"] });
    central.answer = (message) => ({
      ...acknowledge(message),
      customMessage: customMessage(CAPABILITY_PROMOTION, "offer", data),
    });
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const agent = startLegacy(join(root, "agent"), wish);
    while (agent.problems.length === 0) await new Promise((next) => setImmediate(next));
    await agent.stop();
    assert.equal(agent.problems[0], "opamp.promotion_unproven");
    assert.equal((await readStatus(agent.folder)).promotion, null);
  });
});

test("what was proven is the floor afterwards, and a floor of the settings file holds as well", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("advanced");
    const data = join(root, "agent");
    const agent = startLegacy(data, { addresses: [central.address], level: "advanced" });
    await untilConnected(agent.folder);
    await agent.stop();
    const connections = central.connections();
    for (const level of ["plaintext", "basic"] as const) {
      const lower = startLegacy(data, { addresses: [central.address], level });
      await assert.rejects(lower.ended, fails("agent.level_lowered"));
    }
    const wish = { addresses: [central.address], level: "plaintext" } as const;
    const floored = startLegacy(join(root, "other"), wish, "floor: basic");
    await assert.rejects(floored.ended, fails("agent.level_below_floor"));
    assert.equal(central.connections(), connections, "nothing was dialled");
  });
});

test("a folder with a joined agent is refused, and so is one that another agent runs on", async () => {
  await withTempFolder(async (root) => {
    const central = await startStandInCentral();
    await using old = await startKeyedCentral("plaintext");
    const wish = { addresses: [old.address], level: "plaintext" } as const;
    const joined = makeTestAgent(join(root, "joined"));
    await joined.join(central.makeToken());
    await assert.rejects(startLegacy(joined.folder.path, wish).ended, fails("agent.legacy_joined"));
    const first = startLegacy(join(root, "old"), wish);
    await untilConnected(first.folder);
    await assert.rejects(
      startLegacy(join(root, "old"), wish).ended,
      fails("agent.already_running"),
    );
    await first.stop();
    await central.close();
  });
});

test("a join in the folder takes over the id, and what was kept without an identity goes once it is proven", async () => {
  await withTempFolder(async (root) => {
    const central = await startStandInCentral();
    const path = join(root, "agent");
    const agent = makeTestAgent(path);
    await using old = await startKeyedCentral("plaintext");
    const wish = { addresses: [old.address], level: "plaintext" } as const;
    const legacy = startLegacy(path, wish);
    const { id } = await untilConnected(legacy.folder);
    await legacy.stop();
    const text = readFileSync(legacy.folder.legacy, "utf8");
    central.behaviour.answer = () => undefined;
    const late = makeTestAgent(path, { yaml: "central: { answerTimeout: 1s }" });
    await assert.rejects(late.join(central.makeToken()), fails("agent.central_silent"));
    assert.equal(readFileSync(legacy.folder.legacy, "utf8"), text, "not before it is proven");
    delete central.behaviour.answer;
    const { agentId } = await agent.join(central.makeToken());
    assert.equal(agentId, id);
    assert.equal(existsSync(legacy.folder.legacy), false);
    // A crash may bring it back.
    writeLegacy(legacy.folder.legacy, { id });
    const running = agent.start();
    await central.waitFor(({ link }) => link > 3);
    await running.stop();
    assert.equal(existsSync(legacy.folder.legacy), false);
    await central.close();
  });
});
