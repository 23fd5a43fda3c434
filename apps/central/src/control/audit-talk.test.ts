import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CAPABILITY_AUDIT,
  customMessage,
  decodeCheckpointNews,
  encodeAuditHead,
  encodeForkReport,
  LIMITS,
  parseAuditCheckpoint,
  type ServerToAgent,
} from "@tautline/protocol";
import { createTestTrail } from "@tautline/testing";
import { type Core, withCore } from "../fixture-core.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { withRestoredCentral, reportFork, headOf } from "../audit/fixture-forked.test.ts";
import { admin, joinOver, openControl } from "../fixture-central.test.ts";
import { createAgentSession } from "./agent-session.ts";
import { described, joinedCaller, messageOf, type MessageFields } from "./fixture-messages.test.ts";
import { sessionDepsOf } from "./fixture-sessions.test.ts";

const LISTENS: MessageFields = { customCapabilities: { capabilities: [CAPABILITY_AUDIT] } };

/** Numbers of the checkpoints in an answer, oldest first. */
function shownIn({ customMessage: custom }: ServerToAgent): number[] {
  if (custom?.capability !== CAPABILITY_AUDIT) return [];
  const { earlier, newest } = decodeCheckpointNews(custom.data);
  return [...earlier, newest.body].map((body) => parseAuditCheckpoint(body).number);
}

/** Signs so many checkpoints, each of a new entry. */
async function signTimes(core: Core, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    await core.audit.record({ action: "token.created", actor: "operator:local", subject: "t" });
    await core.trail.keeper.sign();
  }
}

async function beginTalk(core: Core) {
  const caller = await joinedCaller(core);
  const session = createAgentSession(sessionDepsOf(core), caller);
  let seq = 0;
  return async (fields: MessageFields = {}): Promise<ServerToAgent> => {
    seq += 1;
    const first = seq === 1 ? described() : {};
    return session.receive(messageOf(caller.agent.id, seq, { ...first, ...fields }));
  };
}

describe("central's talk of the trail", () => {
  it("tells each new checkpoint once, in an answer, and only to whom the capability is known", () =>
    withCore(async (core) => {
      await signTimes(core, 2);
      const [listener, stranger] = [await beginTalk(core), await beginTalk(core)];
      assert.deepEqual(shownIn(await listener(LISTENS)), [2]);
      assert.deepEqual(shownIn(await stranger()), []);
      await signTimes(core, 1);
      const answers = [await listener(), await listener(), await stranger()];
      assert.deepEqual(answers.map(shownIn), [[3], [], []]);
    }));

  it("tells nothing before the first checkpoint", () =>
    withCore(async (core) => {
      const say = await beginTalk(core);
      assert.deepEqual(shownIn(await say(LISTENS)), []);
    }));

  it("shows whoever missed some what lies between, so many at a time as a message takes", () =>
    withCore(async (core) => {
      await signTimes(core, 3);
      const seen = core.trail.keeper.newest()?.signed ?? assert.fail();
      const limit = LIMITS.auditCheckpointsInMessage.value;
      await signTimes(core, limit + 2);
      const say = await beginTalk(core);
      assert.deepEqual(shownIn(await say(LISTENS)), [limit + 5]);
      const head = customMessage(CAPABILITY_AUDIT, "head", encodeAuditHead(seen));
      const first = shownIn(await say({ customMessage: head }));
      assert.deepEqual([first[0], first.at(-1), first.length], [4, limit + 3, limit]);
      assert.deepEqual(shownIn(await say()), [limit + 4, limit + 5]);
      assert.deepEqual(shownIn(await say()), []);
      assert.deepEqual(await core.trail.forks.list(), []);
    }));

  it("A11: an agent cannot make up a fork: only what this central signed is evidence", () =>
    withCore(async (core) => {
      await signTimes(core, 1);
      const say = await beginTalk(core);
      const forged = createTestTrail().grow(1).sign().checkpoints[0] ?? assert.fail();
      const data = encodeForkReport({ seen: forged, shown: forged });
      const fork = customMessage(CAPABILITY_AUDIT, "fork", data);
      await refusalOf(say({ customMessage: fork }), "audit.checkpoint_unproven");
      const noise = customMessage(CAPABILITY_AUDIT, "head", new Uint8Array([9]));
      await refusalOf(say({ customMessage: noise }), "audit.checkpoint_malformed");
      const own = core.trail.keeper.newest()?.signed ?? assert.fail();
      const unfounded = encodeForkReport({ seen: own, shown: own });
      await say({ customMessage: customMessage(CAPABILITY_AUDIT, "fork", unfounded) });
      assert.deepEqual(await core.trail.forks.list(), []);
    }));
});

describe("A26: a central whose database was restored", () => {
  it("records and audits what its agents have seen, once, with every witness; an admin acknowledges it", () =>
    withRestoredCentral(async (central, seen) => {
      const first = await reportFork(central, seen);
      const second = await reportFork(central, seen);
      interface Fork {
        readonly id: string;
        readonly acknowledgedAt: string | null;
        readonly agents: readonly string[];
        readonly seen: { readonly head: string };
      }
      const list = async () =>
        (await admin<{ items: Fork[] }>(central, "GET", "/api/v1/audit/forks")).items;
      const [fork, ...others] = await list();
      assert.deepEqual(others, []);
      assert.deepEqual(new Set(fork?.agents), new Set([first.agent, second.agent]));
      assert.equal(fork?.seen.head, parseAuditCheckpoint(seen.body).head);
      assert.equal(fork.acknowledgedAt, null);
      const path = `/api/v1/audit/forks/${fork.id}/acknowledge`;
      for (let turn = 0; turn < 2; turn += 1) await admin(central, "POST", path);
      assert.notEqual((await list())[0]?.acknowledgedAt, null);
      const trail = await admin<{ items: { action: string; actor: string }[] }>(
        central,
        "GET",
        "/api/v1/audit",
      );
      const about = trail.items.filter(({ action }) => action.startsWith("audit.fork"));
      assert.deepEqual(
        about.map(({ action, actor }) => [action, actor]),
        [
          ["audit.fork", `agent:${first.agent}`],
          ["audit.fork-acknowledged", "operator:local"],
        ],
      );
    }));

  it("shows whoever asks from what is gone its own newest, so that the agent finds out as well", () =>
    withRestoredCentral(async (central, seen) => {
      const agent = await joinOver(central);
      const link = await openControl(central, agent);
      const head = customMessage(CAPABILITY_AUDIT, "head", encodeAuditHead(seen));
      link.send(messageOf(agent.id, 1, { ...described(), ...LISTENS, customMessage: head }));
      const answer = await link.next();
      const newest = parseAuditCheckpoint((await headOf(central)).body).number;
      assert.deepEqual(shownIn(answer), [newest]);
      assert.ok(newest < parseAuditCheckpoint(seen.body).number);
      const forks = await admin<{ items: unknown[] }>(central, "GET", "/api/v1/audit/forks");
      assert.equal(forks.items.length, 1);
      link.close();
    }));
});
