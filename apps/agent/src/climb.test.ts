import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import {
  type AgentToServer,
  decodeInstructionReceipt,
  type InstructionReceipt,
  type Level,
  TautlineError,
  toProblem,
  ROUNDS_BEFORE_RESCUE,
} from "@tautline/protocol";
import {
  acknowledge,
  offerLevel,
  type StandInCentral,
  startStandInCentral,
  withTempFolder,
} from "@tautline/testing";
import {
  KEY_TEXT,
  type KeyedCentral,
  startKeyedCentral,
  type UncertifiedLevel,
} from "../test/keyed-central.ts";
import { makeTestAgent, type TestAgent } from "../test/running-agent.ts";
import type { AgentWorld } from "./agent-world.ts";
import { type Clock, systemClock } from "./clock.ts";
import { loadAgentConfig } from "./config.ts";
import { lowerFloor } from "./lower-floor.ts";
import { readOpenSettings } from "./settings/settings-file.ts";
import { readStatus } from "./status/status-reader.ts";

/** A central whose ports for one low level and for certificates are apart, and an agent that has joined it and runs at the low one. */
interface Scene {
  readonly secure: StandInCentral;
  readonly low: KeyedCentral;
  readonly agentId: string;
  readonly subject: TestAgent;
  /** Sends the order with the answer to the next message at the low level. */
  readonly order: (level: Level, addresses: readonly string[], seq: bigint) => void;
  /** The agent on the same folder, in another process's place. */
  readonly again: (world?: Partial<AgentWorld>, central?: object) => TestAgent;
}

async function withLowAgent(
  level: UncertifiedLevel,
  use: (scene: Scene) => Promise<void>,
  {
    central = {},
    ...settings
  }: { central?: object; allowedInstructions?: string[]; rescue?: boolean } = {},
): Promise<void> {
  await withTempFolder(async (root) => {
    const secure = await startStandInCentral();
    await using low = await startKeyedCentral(level);
    const key = join(root, "key");
    writeFileSync(key, KEY_TEXT, { mode: 0o600 });
    const path = join(root, "agent");
    const again: Scene["again"] = (world = {}, change = {}) => {
      const file = { level, addresses: [low.address], key: { file: key }, ...central, ...change };
      const yaml = JSON.stringify({ central: file, floor: "plaintext", ...settings });
      return makeTestAgent(path, { yaml, world });
    };
    try {
      const subject = again();
      const { agentId } = await subject.join(secure.makeToken());
      await use({
        secure,
        low,
        agentId,
        subject,
        again,
        order: (to, addresses, seq) => {
          low.answer = (message) => {
            low.answer = acknowledge;
            const instruction = { agentId, namespace: "default", seq };
            const { authority } = secure;
            const order = { level: to, addresses };
            return { ...acknowledge(message), ...offerLevel({ authority, instruction, ...order }) };
          };
        },
      });
    } finally {
      await secure.close();
    }
  });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

function receiptIn({ customMessage }: AgentToServer): InstructionReceipt | undefined {
  if (customMessage?.type !== "receipt") return undefined;
  return decodeInstructionReceipt(customMessage.data);
}

function levelsOnDisk({ folder }: TestAgent): unknown {
  const open = readOpenSettings(folder.settings);
  assert.equal(open?.state, "committed");
  const { climbed, levelMove, provenLevel } = open;
  return [climbed?.level, climbed?.by, levelMove?.level, provenLevel];
}

for (const [level, transport] of [
  ["basic", "websocket"],
  ["advanced", "websocket"],
  ["basic", "polling"],
] as const) {
  const settings = { transport, pollingInterval: "1s" };
  test(`an agent at ${level}, by ${transport}, climbs to mtls by a signed order, tells so there, and stays there over a restart`, async () => {
    await withLowAgent(
      level,
      async ({ secure, low, subject, again, order }) => {
        order("mtls", [secure.address], 1n);
        const running = subject.start();
        const { message, evidence } = await secure.waitFor(
          (one) => receiptIn(one.message) !== undefined,
        );
        assert.equal(evidence.level, "mtls");
        assert.deepEqual(receiptIn(message), { signerEpoch: 1, seq: 1n, code: "", text: "" });
        assert.deepEqual(levelsOnDisk(subject), ["mtls", "instruction", undefined, "mtls"]);
        const status = await readStatus(subject.folder);
        assert.deepEqual(
          [status.level, status.climbed?.by, status.key],
          ["mtls", "instruction", null],
        );
        await running.stop();
        assert.match(readFileSync(subject.folder.audit, "utf8"), /level\.climbed/);

        // Its settings file says the low level still, and nobody is in the way.
        const [heard, before] = [low.heard.length, secure.received.length];
        const next = again();
        const resumed = next.start();
        const first = await secure.waitFor((one) => secure.received.indexOf(one) >= before);
        assert.equal(first.evidence.level, "mtls");
        await resumed.stop();
        assert.equal(low.heard.length, heard);

        const config = loadAgentConfig(undefined);
        const how = { folder: next.folder, config, readVariable: () => undefined, now: Date.now };
        assert.deepEqual(await lowerFloor(level, how), { was: "mtls", is: level });
        assert.deepEqual(levelsOnDisk(next), [undefined, undefined, undefined, level]);
        const lowered = again().start();
        await low.waitFor((one) => low.heard.indexOf(one) >= heard);
        await lowered.stop();
      },
      { central: settings },
    );
  });
}

test("where no link opens at the new level the old one stays, link and disk, and central is told why", async () => {
  await withLowAgent("basic", async ({ low, subject, order, secure }) => {
    const impostor = await startStandInCentral();
    order("mtls", ["127.0.0.1:1", impostor.address], 4n);
    // Nor is it heard where the agent would look by itself.
    await secure.close();
    const running = subject.start();
    const { message, evidence } = await low.waitFor((one) => receiptIn(one.message) !== undefined);
    const { code, seq, text } = receiptIn(message) ?? { code: "", text: "" };
    assert.deepEqual([code, seq, evidence.level], ["agent.level_unreachable", 4n, "basic"]);
    assert.match(text, /nothing listens there/);
    // A10: another root proves nothing, whatever was signed about the address.
    assert.deepEqual(impostor.received, []);
    assert.deepEqual(levelsOnDisk(subject), [undefined, undefined, undefined, "basic"]);
    const levels = subject.connected.map((one) => one.evidence.level);
    assert.deepEqual(levels, ["basic"], "there was one link all along");
    await running.stop();
    await impostor.close();
  });
});

test("a central that opens at the new level and says no there leaves the agent where it was", async () => {
  await withLowAgent("advanced", async ({ low, secure, subject, order }) => {
    secure.behaviour.answer = ({ message }) => ({
      instanceUid: message.instanceUid,
      errorResponse: { errorMessage: "not yet" },
    });
    order("tls", [secure.address], 2n);
    const running = subject.start();
    const { message } = await low.waitFor((one) => receiptIn(one.message) !== undefined);
    assert.equal(receiptIn(message)?.code, "agent.level_unreachable");
    assert.match(receiptIn(message)?.text ?? "", /not yet/);
    assert.deepEqual(levelsOnDisk(subject), [undefined, undefined, undefined, "advanced"]);
    await running.stop();
  });
});

test("a host whose settings leave levels out of its allowed instructions stays where it is, and says so to both ends", async () => {
  const limit = { allowedInstructions: ["settings"] };
  await withLowAgent(
    "basic",
    async ({ low, secure, subject, order }) => {
      order("mtls", [secure.address], 1n);
      const running = subject.start();
      const { message } = await low.waitFor((one) => receiptIn(one.message) !== undefined);
      assert.equal(receiptIn(message)?.code, "instruction.kind_not_allowed");
      assert.ok(subject.logged.some((line) => line.includes("instruction.kind_not_allowed")));
      assert.deepEqual(levelsOnDisk(subject), [undefined, undefined, undefined, "basic"]);
      await running.stop();
    },
    limit,
  );
});

/** A central that hears mtls and refuses tls, in the words of one that was told to. */
const REFUSES_TLS: NonNullable<StandInCentral["behaviour"]["refuse"]> = ({ socket }) => {
  const isMutual = socket instanceof TLSSocket && socket.getPeerX509Certificate() !== undefined;
  if (isMutual) return undefined;
  const detail = { level: "tls", accepted: "mtls" };
  const problem = toProblem(new TautlineError("admission.level_not_accepted", { detail }));
  const headers = { "Content-Type": "application/problem+json" };
  return { status: 426, headers, body: JSON.stringify(problem) };
};

test("QMP-2: an agent whose level is refused goes up to mtls at once, with the identity it has, and tells what happened", async () => {
  await withTempFolder(async (root) => {
    const central = await startStandInCentral();
    const yaml = "central: { level: tls }\nfloor: tls";
    const subject = makeTestAgent(join(root, "agent"), { yaml });
    await subject.join(central.makeToken());
    const running = subject.start();
    const before = central.received.length;
    const { evidence } = await central.waitFor((one) => central.received.indexOf(one) >= before);
    assert.equal(evidence.level, "tls");
    central.behaviour.refuse = REFUSES_TLS;
    central.cut();
    const { evidence: risen } = await central.waitFor((one) => one.evidence.level === "mtls");
    assert.equal(risen.clientProven, true);
    await until(() => subject.connected.at(-1)?.evidence.level === "mtls");
    const status = await readStatus(subject.folder);
    assert.deepEqual([status.level, status.climbed], ["mtls", { level: "mtls", by: "rescue" }]);
    const told = status.errors.find(({ code }) => code === "agent.level_rescued");
    assert.match(told?.text ?? "", /did not hear this agent at level 'tls' any more/);
    await running.stop();
    await central.close();
  });
});

/** Waits go by a hundred times as fast. */
const hurried: Clock = {
  ...systemClock,
  after: (ms, act) => systemClock.after(ms / 100, act),
};

test("QMP-2, A24: an agent whose level nobody answers goes up to mtls at the addresses of its join, and nobody who offers the old level again gets it down", async () => {
  await withLowAgent("basic", async ({ secure, low, again }) => {
    const subject = again({ clock: hurried });
    const running = subject.start();
    await low.waitFor(() => true);
    // Nothing that a man in the middle could not do as well.
    await low[Symbol.asyncDispose]();
    const { evidence } = await secure.waitFor((one) => one.evidence.level === "mtls");
    assert.equal(evidence.clientProven, true);
    await until(() => subject.connected.at(-1)?.evidence.level === "mtls");
    await running.stop();
    assert.deepEqual(levelsOnDisk(subject), ["mtls", "rescue", undefined, "mtls"]);
    assert.ok(subject.logged.some((line) => line.includes("agent.level_rescued")));

    await using lower = await startKeyedCentral("basic", { port: low.port });
    const before = secure.received.length;
    const resumed = again().start();
    await secure.waitFor((one) => secure.received.indexOf(one) >= before);
    await resumed.stop();
    assert.deepEqual(lower.heard, []);
  });
});

function countOf(lines: readonly string[], code: string): number {
  return lines.filter((line) => line.includes(code)).length;
}

test("A24, A10: whoever forces a rescue and answers it himself, with another root, gets nobody", async () => {
  const impostor = await startStandInCentral();
  await withLowAgent("basic", async ({ secure, low, again }) => {
    const central = { addresses: [low.address, impostor.address] };
    const subject = again({ clock: hurried }, central);
    const running = subject.start();
    await low.waitFor(() => true);
    await secure.close();
    await low[Symbol.asyncDispose]();
    await until(() => countOf(subject.logged, "link.central_unproven") > 2);
    await running.stop();
    assert.deepEqual(impostor.received, []);
    assert.deepEqual(levelsOnDisk(subject), [undefined, undefined, undefined, "basic"]);
  });
  await impostor.close();
});

test("a host that wants no rescue stays away at its level", async () => {
  await withLowAgent(
    "basic",
    async ({ secure, low, again }) => {
      const subject = again({ clock: hurried });
      const running = subject.start();
      await low.waitFor(() => true);
      const before = secure.received.length;
      await low[Symbol.asyncDispose]();
      const failed = (): number => countOf(subject.logged, "link.unreachable");
      await until(() => failed() > ROUNDS_BEFORE_RESCUE + 1);
      await running.stop();
      assert.equal(secure.received.length, before);
    },
    { rescue: false },
  );
});
