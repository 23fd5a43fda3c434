import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  AGENT_SETTINGS_FILE,
  agentIdToBytes,
  CAPABILITY_INSTRUCTION,
  customMessage,
  decodeInstructionReceipt,
  type Level,
  LEVELS,
  RemoteConfigStatuses,
  ServerErrorResponseType,
  toWireText,
  TautlineError,
  type ErrorCode,
  type InstructionReceipt,
} from "@tautline/protocol";
import {
  createTestAuthority,
  offerAddresses,
  offerLevel,
  offerSettings,
  startStandInCentral,
  withTempFolder,
  type SettingsOfferOptions,
  type StandInAnswer,
  type StandInCentral,
  type StandInMessage,
} from "@tautline/testing";
import { createKeyPair, exportPrivateKey } from "@tautline/pki";
import { z } from "zod";
import { makeTestAgent, type TestAgent } from "../test/running-agent.ts";

const ELSEWHERE = "0190a000-0000-7000-8000-00000000beef";
const QUIET = JSON.stringify({ logLevel: "error" });
const auditLine = z.strictObject({ previous: z.string(), hash: z.string(), body: z.string() });
const auditBody = z.looseObject({ event: z.string(), code: z.string().optional() });

/** A joined, running and connected agent, and the central it joined, which from now on says what the test wants. */
interface Scene {
  readonly central: StandInCentral;
  readonly subject: TestAgent;
  readonly agentId: string;
  /** Restarts the agent on the same folder and waits until it is connected again. */
  restart(): Promise<void>;
  /** Pushes one message, waits for the receipt it causes, and gives that. */
  receiptFor(answer: StandInAnswer): Promise<InstructionReceipt>;
  /** Pushes a question that any agent in order answers with its full state; proves that it still runs. */
  fullState(): Promise<StandInMessage>;
  settingsOnDisk(): string;
  auditedCodes(): string[];
}

async function withJoinedAgent(use: (scene: Scene) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    const path = join(folder, "agent");
    let subject = makeTestAgent(path);
    const { agentId } = await subject.join(central.makeToken());
    let running = subject.start();
    const connected = async (after: number): Promise<void> => {
      await central.waitFor(
        (one) => central.received.indexOf(one) >= after && one.evidence.level === "mtls",
      );
    };
    await connected(central.received.length);
    try {
      await use({
        central,
        get subject() {
          return subject;
        },
        agentId,
        async restart() {
          await running.stop();
          const before = central.received.length;
          subject = makeTestAgent(path);
          running = subject.start();
          await connected(before);
        },
        async receiptFor(answer) {
          const before = central.received.length;
          central.push({ instanceUid: agentIdToBytes(agentId), ...answer });
          const { message } = await central.waitFor(
            (one) =>
              central.received.indexOf(one) >= before &&
              one.message.customMessage?.type === "receipt",
          );
          return decodeInstructionReceipt(message.customMessage?.data ?? new Uint8Array());
        },
        fullState() {
          const before = central.received.length;
          central.push({ instanceUid: agentIdToBytes(agentId), flags: 1n });
          return central.waitFor(
            ({ message }) =>
              message.agentDescription !== undefined &&
              central.received.findIndex((one) => one.message === message) >= before,
          );
        },
        settingsOnDisk: () => readFileSync(subject.folder.settings, "utf8"),
        auditedCodes: () =>
          readFileSync(subject.folder.audit, "utf8")
            .trimEnd()
            .split("\n")
            .map((line) => auditBody.parse(JSON.parse(auditLine.parse(JSON.parse(line)).body)))
            .map(({ event, code }) => code ?? event),
      });
    } finally {
      await running.stop();
      await central.close();
    }
  });
}

/** Settings signed by the right instructor, with what the case wants different. */
function offer(
  { central, agentId }: Pick<Scene, "central" | "agentId">,
  instruction: Partial<SettingsOfferOptions["instruction"]> = {},
  settings = QUIET,
): ReturnType<typeof offerSettings> {
  return offerSettings({
    authority: central.authority,
    settings,
    instruction: { agentId, namespace: "default", seq: 1n, ...instruction },
  });
}

function errorResponse(code: ErrorCode): StandInAnswer["errorResponse"] {
  return {
    type: ServerErrorResponseType.BAD_REQUEST,
    errorMessage: toWireText(new TautlineError(code)),
  };
}

/** The receipt names the reason, the refusal is audited here, and not one byte of the state changed. */
async function assertRefused(scene: Scene, answer: StandInAnswer, code: string): Promise<void> {
  const before = scene.settingsOnDisk();
  const audited = scene.auditedCodes().length;
  const receipt = await scene.receiptFor(answer);
  assert.equal(receipt.code, code);
  assert.equal(scene.settingsOnDisk(), before);
  assert.deepEqual(scene.auditedCodes().slice(audited), [code]);
}

test("an instruction by the pinned instructor is carried out, receipted, audited and kept over a restart", async () => {
  await withJoinedAgent(async (scene) => {
    const receipt = await scene.receiptFor(offer(scene));
    assert.deepEqual(receipt, { signerEpoch: 1, seq: 1n, code: "", text: "" });
    assert.equal(scene.auditedCodes().at(-1), "instruction.accepted");
    await scene.restart();
    const { message } = await scene.fullState();
    const { effectiveConfig, remoteConfigStatus } = message;
    const file = effectiveConfig?.configMap?.configMap[AGENT_SETTINGS_FILE];
    assert.match(new TextDecoder().decode(file?.body), /"logLevel":"error"/);
    assert.equal(remoteConfigStatus?.status, RemoteConfigStatuses.APPLIED);
  });
});

test("A4, A10: what is not signed by the pinned instructor for this agent, now, is refused on both sides", async (t) => {
  await withJoinedAgent(async (scene) => {
    const now = Date.now();
    const minute = 60_000;
    const foreign = createTestAuthority();
    const byForeignKey = offerSettings({
      authority: foreign,
      settings: QUIET,
      instruction: { agentId: scene.agentId, namespace: "default", seq: 9n },
    });
    const honest = offer(scene, { seq: 9n });
    const other = offer(scene, { seq: 9n }, JSON.stringify({ logLevel: "debug" }));
    const cases: [name: string, answer: StandInAnswer, code: string][] = [
      [
        "settings without an envelope",
        { remoteConfig: honest.remoteConfig },
        "instruction.unsigned",
      ],
      ["an envelope by a foreign key", byForeignKey, "instruction.bad_signature"],
      [
        "an envelope for another agent",
        offer(scene, { agentId: ELSEWHERE }),
        "instruction.not_for_this_agent",
      ],
      [
        "an envelope for another namespace",
        offer(scene, { namespace: "other" }),
        "instruction.not_for_this_agent",
      ],
      [
        "an expired envelope",
        offer(scene, { createdMs: now - 30 * minute, expiresMs: now - 6 * minute }),
        "instruction.expired",
      ],
      [
        "an envelope of the future",
        offer(scene, { createdMs: now + 6 * minute, expiresMs: now + 9 * minute }),
        "instruction.from_the_future",
      ],
      ["an envelope of a later epoch", offer(scene, { signerEpoch: 2 }), "instruction.wrong_epoch"],
      [
        "an envelope about something else",
        { ...honest, remoteConfig: other.remoteConfig },
        "instruction.digest_mismatch",
      ],
      [
        "an envelope without what it is about",
        { customMessage: honest.customMessage },
        "instruction.digest_mismatch",
      ],
      ["an unknown kind", offer(scene, { kind: "run" }), "instruction.kind_not_allowed"],
      [
        "settings that carry a command",
        offer(scene, {}, JSON.stringify({ exec: "/bin/sh" })),
        "value.agent_settings",
      ],
      [
        "A19: settings with __proto__",
        offer(scene, {}, '{"__proto__":{"logLevel":"debug"}}'),
        "value.agent_settings",
      ],
      [
        "bytes that are no envelope",
        { customMessage: customMessage(CAPABILITY_INSTRUCTION, "signed", Uint8Array.of(1, 2, 3)) },
        "instruction.malformed",
      ],
    ];
    for (const [name, answer, code] of cases) {
      await t.test(name, () => assertRefused(scene, answer, code));
    }
    await t.test("after all of it, an honest instruction still counts", async () => {
      assert.equal((await scene.receiptFor(offer(scene))).code, "");
    });
  });
});

test("A9: nothing but settings can be told, signed or not: command, packages, a new id, other connections", async (t) => {
  await withJoinedAgent(async (scene) => {
    const { rootPem, central } = scene.central.authority;
    const certificate = {
      cert: Buffer.from(central.chainPem),
      privateKey: Buffer.from(central.keyPem),
    };
    const cases: [name: string, answer: StandInAnswer][] = [
      ["a restart command", { command: { type: 0 } }],
      ["packages", { packagesAvailable: { packages: { agent: { version: "9.9.9" } } } }],
      [
        "another instance uid",
        { agentIdentification: { newInstanceUid: agentIdToBytes(ELSEWHERE) } },
      ],
      [
        "a plaintext endpoint",
        { connectionSettings: { opamp: { destinationEndpoint: "ws://127.0.0.1:1" } } },
      ],
      [
        "skipping the proof of central",
        { connectionSettings: { opamp: { tls: { insecureSkipVerify: true } } } },
      ],
      ["TLS 1.0", { connectionSettings: { opamp: { tls: { minVersion: "1.0" } } } }],
      [
        "a certificate with its key, and a root",
        { connectionSettings: { opamp: { certificate, tls: { caPemContents: rootPem } } } },
      ],
    ];
    for (const [name, answer] of cases) {
      await t.test(name, () => assertRefused(scene, answer, "instruction.unsigned"));
    }
    const { evidence } = await scene.fullState();
    assert.equal(evidence.level, "mtls");
  });
});

test("A4, F16: a captured instruction is carried out once, not again in the session, in a new one, or after a restart", async () => {
  await withJoinedAgent(async (scene) => {
    const captured = offer(scene, { seq: 5n });
    assert.equal((await scene.receiptFor(captured)).code, "");
    await assertRefused(scene, captured, "instruction.replayed");

    const before = scene.central.received.length;
    scene.central.cut();
    await scene.central.waitFor((one) => scene.central.received.indexOf(one) >= before);
    await assertRefused(scene, captured, "instruction.replayed");

    await scene.restart();
    await assertRefused(scene, captured, "instruction.replayed");
    // Central's view stays true: what is in force is applied, an older configuration failed.
    const replayed = await scene.fullState();
    assert.equal(replayed.message.remoteConfigStatus?.status, RemoteConfigStatuses.APPLIED);
    const older = offer(scene, { seq: 4n }, JSON.stringify({ logLevel: "debug" }));
    await assertRefused(scene, older, "instruction.replayed");
    const refused = await scene.fullState();
    assert.equal(refused.message.remoteConfigStatus?.status, RemoteConfigStatuses.FAILED);
    assert.equal((await scene.receiptFor(offer(scene, { seq: 6n }))).code, "");
  });
});

test("A4: forged error replies make the agent neither wipe, stop, nor lower anything", async () => {
  await withJoinedAgent(async (scene) => {
    const { central, agentId } = scene;
    const before = scene.settingsOnDisk();
    central.push({
      instanceUid: agentIdToBytes(agentId),
      errorResponse: errorResponse("admission.agent_revoked"),
    });
    central.push({ errorResponse: errorResponse("enrolment.id_taken") });
    assert.equal((await scene.fullState()).evidence.level, "mtls");

    // Also as the only thing a new link ever hears.
    central.behaviour.answer = ({ message }) => ({
      instanceUid: message.instanceUid,
      errorResponse: errorResponse("admission.agent_revoked"),
    });
    const refusedFrom = central.received.length;
    central.cut();
    const after = (count: number) => (one: StandInMessage) =>
      central.received.indexOf(one) >= refusedFrom + count;
    await central.waitFor(after(1));
    delete central.behaviour.answer;
    const { evidence } = await central.waitFor(after(2));
    assert.equal(evidence.level, "mtls");
    assert.equal((await scene.fullState()).evidence.level, "mtls");
    assert.equal(scene.settingsOnDisk(), before);
    assert.ok(scene.subject.logged.some((line) => line.includes("admission.agent_revoked")));
  });
});

test("A4: words for another agent's id are not heard at all", async () => {
  await withJoinedAgent(async (scene) => {
    const before = scene.auditedCodes();
    scene.central.push({ ...offer(scene), instanceUid: agentIdToBytes(ELSEWHERE) });
    await scene.fullState();
    assert.deepEqual(scene.auditedCodes(), before);
    assert.ok(scene.subject.logged.some((line) => line.includes("agent.foreign_message")));
  });
});

test("A19: bytes that are no OpAMP end the link, not the agent", async () => {
  await withJoinedAgent(async (scene) => {
    const before = scene.central.received.length;
    scene.central.push(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f));
    const { evidence } = await scene.central.waitFor(
      (one) => scene.central.received.indexOf(one) >= before,
    );
    assert.equal(evidence.level, "mtls");
    assert.ok(scene.subject.logged.some((line) => line.includes("opamp.malformed")));
  });
});

test("a central that asks for the full state in every answer is made to wait for the next heartbeat", async () => {
  await withJoinedAgent(async (scene) => {
    const { central } = scene;
    central.behaviour.answer = ({ message }) => ({ instanceUid: message.instanceUid, flags: 1n });
    const before = central.received.length;
    central.push({ instanceUid: agentIdToBytes(scene.agentId), flags: 1n });
    // A hundred in a row, then silence: the loop that the spec warns of has ended by itself.
    await central.waitFor((one) => central.received.indexOf(one) === before + 99);
    await scene.restart();
    assert.equal(central.received[before + 100]?.message.agentDisconnect !== undefined, true);
  });
});

test("A10, A16: an impostor with another root, or with an agent's own certificate, is told nothing", async () => {
  await withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    const { authority } = central;
    const stolen = createKeyPair("p256");
    const chainPem = authority.issueAgentLeaf({
      namespace: "default",
      agentId: ELSEWHERE,
      publicKey: stolen.publicKey,
      purpose: "server",
    });
    const agentAsCentral = {
      keyPem: exportPrivateKey(stolen.privateKey),
      chainPem: chainPem + authority.rootPem,
    };
    const impostors = [
      await startStandInCentral({ authority: createTestAuthority() }),
      await startStandInCentral({ authority: { ...authority, central: agentAsCentral } }),
    ];
    try {
      const addresses = [...impostors, central].map(({ address }) => address);
      const yaml = `central: { addresses: ${JSON.stringify(addresses)} }`;
      const subject = makeTestAgent(join(folder, "agent"), { yaml });
      await subject.join(central.makeToken(addresses));
      const unproven = subject.logged.filter((line) => line.includes("link.central_unproven"));
      // Both while the identity was proven, the second also while it was asked for.
      assert.equal(unproven.length, 3);
      const foreign = subject.logged.filter((line) => line.includes("token_for_another_central"));
      assert.equal(foreign.length, 1);
      assert.deepEqual(
        impostors.flatMap(({ received }) => received),
        [],
      );
    } finally {
      await Promise.all([central, ...impostors].map((each) => each.close()));
    }
  });
});

test("A4, A10: addresses that are not signed for this agent, now, or not what was signed, move nobody", async (t) => {
  await withJoinedAgent(async (scene) => {
    const { central, agentId } = scene;
    const offered = (
      instruction: Partial<SettingsOfferOptions["instruction"]> = {},
      authority = central.authority,
    ): ReturnType<typeof offerAddresses> =>
      offerAddresses({
        authority,
        addresses: ["attacker.example:9150"],
        instruction: { agentId, namespace: "default", seq: 9n, ...instruction },
      });
    const now = Date.now();
    const cases: [name: string, answer: StandInAnswer, code: string][] = [
      ["by a foreign key", offered({}, createTestAuthority()), "instruction.bad_signature"],
      ["for another agent", offered({ agentId: ELSEWHERE }), "instruction.not_for_this_agent"],
      [
        "expired",
        offered({ createdMs: now - 1_800_000, expiresMs: now - 360_000 }),
        "instruction.expired",
      ],
      ["of another epoch", offered({ signerEpoch: 2 }), "instruction.wrong_epoch"],
      [
        "with another subject than was signed",
        offered({ digest: new Uint8Array(32) }),
        "instruction.digest_mismatch",
      ],
    ];
    for (const [name, answer, code] of cases) {
      await t.test(name, () => assertRefused(scene, answer, code));
    }
  });
});

test("A24: no order lowers a level, whoever signed it; A4, A10: and none that is not signed for this agent raises one", async (t) => {
  await withJoinedAgent(async (scene) => {
    const { central, agentId } = scene;
    const ordered = (
      level: Level,
      instruction: Partial<SettingsOfferOptions["instruction"]> = {},
      authority = central.authority,
    ): ReturnType<typeof offerLevel> =>
      offerLevel({
        authority,
        level,
        addresses: ["attacker.example:9150"],
        instruction: { agentId, namespace: "default", seq: 9n, ...instruction },
      });
    const cases: [name: string, answer: StandInAnswer, code: string][] = [
      ...LEVELS.filter((level) => level !== "mtls").map(
        (level): [string, StandInAnswer, string] => [
          `by central itself, to ${level}`,
          ordered(level),
          "agent.level_lowered",
        ],
      ),
      ["by a foreign key", ordered("mtls", {}, createTestAuthority()), "instruction.bad_signature"],
      ["for another", ordered("mtls", { agentId: ELSEWHERE }), "instruction.not_for_this_agent"],
      ["of another epoch", ordered("mtls", { signerEpoch: 2 }), "instruction.wrong_epoch"],
      [
        "with another subject than was signed",
        ordered("mtls", { digest: new Uint8Array(32) }),
        "instruction.digest_mismatch",
      ],
    ];
    for (const [name, answer, code] of cases) {
      await t.test(name, () => assertRefused(scene, answer, code));
    }
    await scene.restart();
    assert.equal((await scene.fullState()).evidence.level, "mtls");
  });
});

test("new addresses are proven by the same root before the old ones are dropped: an impostor there changes nothing", async () => {
  await withJoinedAgent(async (scene) => {
    const { central, agentId } = scene;
    const impostor = await startStandInCentral();
    try {
      const addresses = [impostor.address];
      const instruction = { agentId, namespace: "default", seq: 3n };
      const { authority } = central;
      const receipt = await scene.receiptFor(offerAddresses({ authority, addresses, instruction }));
      assert.equal(receipt.code, "agent.addresses_unreachable");
      assert.equal(receipt.seq, 3n);
      assert.deepEqual(impostor.received, []);
      assert.ok(!scene.settingsOnDisk().includes(impostor.address));
      assert.deepEqual(scene.auditedCodes().slice(-2), [
        "instruction.accepted",
        "addresses.failed",
      ]);
      await scene.fullState();
    } finally {
      await impostor.close();
    }
  });
});

test("the same central at a new address is followed, over a restart too; F8, F16: the instruction replayed is refused", async () => {
  await withJoinedAgent(async (scene) => {
    const { central, agentId } = scene;
    const elsewhere = await startStandInCentral({ authority: central.authority });
    try {
      const { authority } = central;
      const addresses = [elsewhere.address, central.address];
      const instruction = { agentId, namespace: "default", seq: 3n };
      const order = offerAddresses({ authority, addresses, instruction });
      // The address in use stands in the list: it needs no further proof.
      const receipt = await scene.receiptFor(order);
      assert.deepEqual(receipt, { signerEpoch: 1, seq: 3n, code: "", text: "" });
      await assertRefused(scene, order, "instruction.replayed");

      const moved = { authority, addresses: [elsewhere.address] };
      central.push({
        instanceUid: agentIdToBytes(agentId),
        ...offerAddresses({ ...moved, instruction: { ...instruction, seq: 4n } }),
      });
      const { message } = await elsewhere.waitFor(
        (one) => one.message.customMessage?.type === "receipt",
      );
      const { code, seq } = decodeInstructionReceipt(
        message.customMessage?.data ?? new Uint8Array(),
      );
      assert.deepEqual([code, seq], ["", 4n]);
      assert.ok(!scene.settingsOnDisk().includes(central.address));
      assert.ok(scene.settingsOnDisk().includes(elsewhere.address));
    } finally {
      await elsewhere.close();
    }
  });
});
