import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalOf } from "../fixture-checks.test.ts";
import { joinNew, makeJoiner, withCore } from "../fixture-core.test.ts";
import type { KeyUse } from "../keys/key-ring.ts";
import { createClaimSession } from "./claim-session.ts";
import { claimCaller, liveKey } from "./fixture-arrivals.test.ts";
import { messageOf } from "./fixture-messages.test.ts";
import { claimDepsOf } from "./fixture-sessions.test.ts";
import { notingKeyUse } from "./key-use.ts";

test("each answered message notes the version it came by, and a refused one nothing", () =>
  withCore(async (core) => {
    const uses: [string, number, KeyUse][] = [];
    const noteUse = (key: { name: string; version: number }, use: KeyUse): void =>
      void uses.push([key.name, key.version, use]);
    const caller = claimCaller("advanced", liveKey("default"));
    const begin = () =>
      notingKeyUse({ noteUse }, caller, createClaimSession(claimDepsOf(core), caller));
    const { id } = makeJoiner();
    const session = begin();
    await session.receive(messageOf(id, 1));
    assert.equal(session.agentId, id);
    const use = { agentId: id, level: "advanced", remoteAddress: "192.0.2.1" };
    assert.deepEqual(uses, [["key-of-default", 1, use]]);
    const { id: enrolled } = await joinNew(core);
    await refusalOf(begin().receive(messageOf(enrolled, 1)), "admission.id_enrolled");
    assert.equal(uses.length, 1);
  }));

test("a session without a key stays as it is", () =>
  withCore(async (core) => {
    const caller = claimCaller();
    const session = createClaimSession(claimDepsOf(core), caller);
    const keys = { noteUse: () => assert.fail("there is no key") };
    assert.equal(notingKeyUse(keys, caller, session), session);
  }));
