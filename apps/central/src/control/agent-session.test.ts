import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { importPublicKey, verifyMessage } from "@tautline/pki";
import {
  agentIdToBytes,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_STATUS,
  customMessage,
  decodeInstruction,
  decodeSignedInstruction,
  encodeServerToAgent,
  INSTRUCTION_CONTEXT,
  LIMITS,
  recordToAttributes,
  type RemoteConfigStatus,
  RemoteConfigStatuses,
  type ServerToAgent,
  ServerToAgentFlags,
  statusText,
} from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, withCore } from "../fixture-core.test.ts";
import { createAgentSession } from "./agent-session.ts";
import type { AgentCaller } from "./caller.ts";
import {
  described,
  joinedCaller,
  type MessageFields,
  messageOf,
  receipt,
} from "./fixture-messages.test.ts";
import { sessionDepsOf } from "./fixture-sessions.test.ts";
import type { Session } from "./session.ts";
import { OFFER_AGAIN_AFTER_MS } from "./settings-offer.ts";

interface Ground {
  readonly core: Core;
  readonly caller: AgentCaller;
  readonly session: Session;
  readonly id: string;
}

const begin = (core: Core, caller: AgentCaller): Session =>
  createAgentSession(sessionDepsOf(core), caller);

const withSession = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    await use({ core, caller, session: begin(core, caller), id: caller.agent.id });
  });

const asksFullState = (answer: ServerToAgent): boolean =>
  (answer.flags & BigInt(ServerToAgentFlags.REPORT_FULL_STATE)) !== 0n;

const put = (core: Core, key: string, value: string): Promise<void> =>
  core.settings.put({ namespace: "", key, value }, "operator:local");

describe("an agent's session", () => {
  it("answers every message with the agent's id, never empty, also a message that says nothing", () =>
    withSession(async ({ session, id }) => {
      for (const [seq, fields] of [
        [0, described()],
        [1, {}],
        [2, {}],
      ] as const) {
        const answer = await session.receive(messageOf(id, seq, fields));
        assert.deepEqual(answer.instanceUid, agentIdToBytes(id));
        assert.ok(encodeServerToAgent(answer).length > 18);
        assert.equal(answer.errorResponse, undefined);
      }
    }));

  it("marks the agent active by its first message, audited once", () =>
    withSession(async ({ core, session, id }) => {
      const skip = (await actionsOf(core)).length;
      assert.equal((await core.agents.page(id)).state, "joining");
      await session.receive(messageOf(id, 0, described()));
      await session.receive(messageOf(id, 1));
      assert.equal((await core.agents.page(id)).state, "active");
      assert.deepEqual(await actionsOf(core, skip), ["agent.active"]);
    }));

  it("promise 3: has a status on the disk before its answer, and keeps what a message leaves out", () =>
    withSession(async ({ core, session, id }) => {
      await session.receive(messageOf(id, 0, described({ role: "web" })));
      await session.receive(messageOf(id, 1, { health: { healthy: true, status: "fine" } }));
      const page = await core.agents.page(id);
      assert.equal(page.version, "1.2.3");
      assert.equal(page.attributes["role"], "web");
      assert.deepEqual(page.health, { healthy: true, status: "fine", lastError: "" });
    }));

  it("F11: answers nothing that it could not keep, and asks for the full state after it", () =>
    withSession(async ({ core, caller, id }) => {
      let full = true;
      const agents = {
        ...core.agents,
        saveStatus: (...args: Parameters<typeof core.agents.saveStatus>) =>
          full ? Promise.reject(new Error("disk full")) : core.agents.saveStatus(...args),
      };
      const session = begin({ ...core, agents }, caller);
      full = false;
      await session.receive(messageOf(id, 0, described()));
      full = true;
      await assert.rejects(session.receive(messageOf(id, 1, { health: { healthy: false } })));
      full = false;
      assert.equal(asksFullState(await session.receive(messageOf(id, 2))), true);
      assert.equal(asksFullState(await session.receive(messageOf(id, 3, described()))), false);
    }));

  const sequences: { name: string; seqs: number[]; asked: boolean[] }[] = [
    { name: "counts on", seqs: [0, 1, 2], asked: [false, false, false] },
    { name: "begins anywhere", seqs: [700, 701], asked: [false, false] },
    { name: "leaves one out", seqs: [0, 2, 3], asked: [false, true, false] },
    { name: "goes back", seqs: [5, 4, 5], asked: [false, true, false] },
    { name: "repeats one", seqs: [0, 1, 1, 2], asked: [false, false, false, false] },
  ];
  for (const { name, seqs, asked } of sequences) {
    it(`asks an agent that ${name} for its full state exactly where something is missing`, () =>
      withSession(async ({ session, id }) => {
        const flags: boolean[] = [];
        for (const [at, seq] of seqs.entries()) {
          const fields = at === 0 ? described() : {};
          flags.push(asksFullState(await session.receive(messageOf(id, seq, fields))));
        }
        assert.deepEqual(flags, asked);
      }));
  }

  it("asks for the full state when the first message does not carry it, and only then", () =>
    withSession(async ({ session, id }) => {
      assert.equal(asksFullState(await session.receive(messageOf(id, 0))), true);
      assert.equal(asksFullState(await session.receive(messageOf(id, 1))), false);
    }));

  it("does not ask an agent that comes back and tells the digest of what central has", () =>
    withSession(async ({ core, caller, session, id }) => {
      await session.receive(messageOf(id, 0, described({ zone: "a" })));
      const agent = await core.store.read((db) =>
        db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirstOrThrow(),
      );
      const { attributes } = await core.agents.page(id);
      const config = { hash: null, status: "unset", error: "" } as const;
      const unchanged = (zone: string): MessageFields => {
        const text = statusText({ attributes: { ...attributes, zone }, health: null, config });
        const digest = createHash("sha256").update(text).digest();
        return { customMessage: customMessage(CAPABILITY_STATUS, "unchanged", digest) };
      };
      for (const [zone, asks] of [
        ["a", false],
        ["b", true],
      ] as const) {
        const next = begin(core, { ...caller, agent });
        const answer = await next.receive(messageOf(id, 1, unchanged(zone)));
        assert.equal(asksFullState(answer), asks, zone);
      }
    }));

  it("ends when the agent says good-bye, keeps what it said with it, and offers nothing more", () =>
    withSession(async ({ core, session, id }) => {
      await put(core, "agents.logLevel", "debug");
      const farewell = { agentDisconnect: {}, health: { healthy: false, status: "stopping" } };
      const answer = await session.receive(messageOf(id, 0, farewell));
      assert.equal(session.isEnded(), true);
      assert.equal(answer.remoteConfig, undefined);
      assert.equal(asksFullState(answer), false);
      assert.equal((await core.agents.page(id)).health?.["status"], "stopping");
    }));
});

describe("an agent's session refuses", () => {
  it("A30, A11: a message about another agent, and changes neither", () =>
    withSession(async ({ core, session, id }) => {
      const other = await joinedCaller(core, { name: "web-2" });
      const message = messageOf(other.agent.id, 0, described({ role: "forged" }));
      const refusal = await refusalOf(session.receive(message), "opamp.not_your_id");
      assert.match(refusal.message, new RegExp(other.agent.id));
      for (const each of [id, other.agent.id]) {
        const page = await core.agents.page(each);
        assert.deepEqual([page.state, page.attributes], ["joining", {}]);
      }
    }));

  it("an agent that was revoked after it was admitted (A6)", () =>
    withSession(async ({ core, session, id }) => {
      await core.agents.revoke(id, "operator:local");
      const first = session.receive(messageOf(id, 0, described({ role: "web" })));
      await refusalOf(first, "admission.agent_revoked");
      const page = await core.agents.page(id);
      assert.deepEqual([page.state, page.attributes], ["revoked", {}]);
    }));

  const broken: { name: string; bytes: (id: string) => Uint8Array }[] = [
    { name: "an empty message", bytes: () => new Uint8Array() },
    { name: "noise", bytes: () => Buffer.alloc(100, 0xff) },
    { name: "a message cut off", bytes: (id) => messageOf(id, 0, described()).subarray(0, -3) },
    {
      name: "an id of other length",
      bytes: (id) => messageOf(id, 0, { instanceUid: Buffer.alloc(5) }),
    },
    { name: "an id of zeros", bytes: (id) => messageOf(id, 0, { instanceUid: Buffer.alloc(16) }) },
    {
      name: "A19: an attribute that reaches a prototype",
      bytes: (id) => messageOf(id, 0, described({ ["__proto__"]: "x", constructor: "y" })),
    },
    {
      name: "one attribute too many",
      bytes: (id) =>
        messageOf(id, 0, {
          agentDescription: {
            identifyingAttributes: recordToAttributes(
              Object.fromEntries(
                Array.from({ length: LIMITS.attributes.value + 1 }, (_, at) => [`a${at}`, "x"]),
              ),
            ),
          },
        }),
    },
  ];
  for (const { name, bytes } of broken) {
    it(`${name}, and goes on with the next good message`, () =>
      withSession(async ({ core, session, id }) => {
        await refusalOf(session.receive(bytes(id)), "opamp.malformed");
        assert.deepEqual((await core.agents.page(id)).attributes, {});
        await session.receive(messageOf(id, 1, described()));
        assert.equal((await core.agents.page(id)).version, "1.2.3");
        assert.equal("x" in {}, false);
      }));
  }

  it("a message longer than the limit by a byte", () =>
    withSession(async ({ session, id }) => {
      const limit = LIMITS.opampMessageBytes.value;
      const base = messageOf(id, 0).length;
      const over = Buffer.concat([messageOf(id, 0), padding(limit + 1 - base)]);
      assert.equal(over.length, limit + 1);
      await refusalOf(session.receive(over), "opamp.too_large");
      const fits = Buffer.concat([messageOf(id, 0, {}), padding(limit - base)]);
      assert.equal(fits.length, limit);
      await session.receive(fits);
    }));

  it("a receipt that cannot be read, after its status was kept", () =>
    withSession(async ({ core, session, id }) => {
      const data = Buffer.from("noise");
      const fields = {
        ...described(),
        customMessage: { capability: CAPABILITY_INSTRUCTION, type: "receipt", data },
      };
      const work = session.receive(messageOf(id, 0, fields));
      await refusalOf(work, "instruction.receipt_malformed");
      assert.equal((await core.agents.page(id)).version, "1.2.3");
    }));
});

const applied = (
  hash: Uint8Array,
  status: RemoteConfigStatus["status"] = RemoteConfigStatuses.APPLIED,
): MessageFields => ({ remoteConfigStatus: { lastRemoteConfigHash: hash, status } });

describe("an agent's session and settings", () => {
  it("offers nothing where nothing is set", () =>
    withSession(async ({ session, id }) => {
      const answer = await session.receive(messageOf(id, 0, described()));
      assert.equal(answer.remoteConfig, undefined);
      assert.equal(answer.customMessage, undefined);
      assert.equal(await session.push(), undefined);
    }));

  it("offers what is set with an instruction whose digest is its hash, once, until it is applied", () =>
    withSession(async ({ core, session, id }) => {
      await put(core, "agents.logLevel", "debug");
      const answer = await session.receive(messageOf(id, 0, described()));
      const hash = answer.remoteConfig?.configHash ?? assert.fail("nothing offered");
      const custom = answer.customMessage;
      assert.deepEqual([custom?.capability, custom?.type], [CAPABILITY_INSTRUCTION, "signed"]);
      const envelope = decodeSignedInstruction(custom?.data ?? new Uint8Array());
      const key = importPublicKey(core.instructor.publicKeyPem);
      const { instruction, signature } = envelope;
      assert.ok(verifyMessage(key, INSTRUCTION_CONTEXT, instruction, signature));
      const { agentId, kind, digest } = decodeInstruction(instruction);
      assert.deepEqual([agentId, kind], [id, "settings"]);
      assert.ok(Buffer.from(digest).equals(hash));
      assert.equal((await session.receive(messageOf(id, 1))).remoteConfig, undefined);
      const done = await session.receive(messageOf(id, 2, { ...applied(hash), ...receipt(1n) }));
      assert.equal(done.remoteConfig, undefined);
      assert.equal((await core.agents.page(id)).settings.status, "applied");
      assert.equal((await actionsOf(core)).at(-1), "instruction.carried-out");
    }));

  it("pushes a change at once, and not what the agent runs already", () =>
    withSession(async ({ core, session, id }) => {
      await session.receive(messageOf(id, 0, described()));
      await put(core, "agents.logLevel", "debug");
      const pushed = (await session.push()) ?? assert.fail("nothing pushed");
      assert.deepEqual(pushed.instanceUid, agentIdToBytes(id));
      assert.equal(await session.push(), undefined);
      const hash = pushed.remoteConfig?.configHash ?? assert.fail("nothing offered");
      await session.receive(messageOf(id, 1, applied(hash)));
      assert.equal(await session.push(), undefined);
      await put(core, "agents.logLevel", "warn");
      assert.ok((await session.push())?.remoteConfig !== undefined);
    }));

  it("does not answer a refusal with the same offer again (OpAMP: no ping-pong), but a new session offers anew", () =>
    withSession(async ({ core, caller, session, id }) => {
      await put(core, "agents.logLevel", "debug");
      const answer = await session.receive(messageOf(id, 0, described()));
      const hash = answer.remoteConfig?.configHash ?? assert.fail("nothing offered");
      const failed = {
        ...applied(hash, RemoteConfigStatuses.FAILED),
        ...receipt(1n, "instruction.expired"),
      };
      core.clock.advance(OFFER_AGAIN_AFTER_MS);
      assert.equal((await session.receive(messageOf(id, 1, failed))).remoteConfig, undefined);
      assert.equal((await actionsOf(core)).at(-1), "instruction.refused");
      const again = await begin(core, caller).receive(messageOf(id, 0, described()));
      assert.ok(again.remoteConfig !== undefined);
    }));

  it("offers again what got no word within a minute", () =>
    withSession(async ({ core, session, id }) => {
      await put(core, "agents.logLevel", "debug");
      await session.receive(messageOf(id, 0, described()));
      core.clock.advance(OFFER_AGAIN_AFTER_MS);
      assert.ok((await session.receive(messageOf(id, 1))).remoteConfig !== undefined);
    }));

  it("makes one instruction of a push and a message that come together", () =>
    withSession(async ({ core, session, id }) => {
      await put(core, "agents.logLevel", "debug");
      await Promise.all([session.receive(messageOf(id, 0, described())), session.push()]);
      const issued = (await actionsOf(core)).filter((action) => action === "instruction.issued");
      assert.equal(issued.length, 1);
    }));

  it("audits receipts of instructions that were never issued", () =>
    withSession(async ({ core, session, id }) => {
      await session.receive(messageOf(id, 0, { ...described(), ...receipt(77n) }));
      assert.equal((await actionsOf(core)).at(-1), "instruction.unknown");
    }));
});

/** Bytes that decoders pass over: one unknown field (number 2047) of the given whole length. */
function padding(length: number): Buffer {
  const head = 2 + 4;
  const content = length - head;
  const size = [0, 7, 14, 21].map((shift) => (content >> shift) & 0x7f);
  const varint = size.map((byte, at) => (at === 3 ? byte : byte | 0x80));
  return Buffer.concat([Buffer.from([0xfa, 0x7f, ...varint]), Buffer.alloc(content)]);
}
