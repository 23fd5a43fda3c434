import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError, TautlineError, type ErrorCode } from "@tautline/protocol";
import { grantFor, JOIN_SCENE_ID, withJoinScene } from "../../test/join-scene.ts";
import { openSettingsStore } from "../settings/settings-store.ts";
import { join, type JoinOptions } from "./join.ts";
import { ownCode } from "./own-code.ts";

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

/** As the session reads it from a central that says "not now". */
const pending = (retryAfterSeconds: number): TautlineError =>
  new TautlineError("agent.central_unavailable", {
    detail: { code: "enrolment.approval_pending", text: "It waits.", retryAfterSeconds },
  });
const declined = (): TautlineError =>
  new TautlineError("agent.refused", { detail: { code: "enrolment.declined", text: "No." } });
const nobody = (): TautlineError => new TautlineError("link.unreachable");

/** Answers in turn; the last one again and again. Undefined grants. */
function answers(...turns: readonly (TautlineError | undefined)[]) {
  const asked: string[] = [];
  const ask: JoinOptions["ask"] = async (address, state) => {
    const turn = turns[Math.min(asked.length, turns.length - 1)];
    asked.push(address);
    if (turn !== undefined) throw turn;
    return grantFor(state);
  };
  return { ask, asked };
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("RS-26: a join waits as long as central says, says its code once, and goes on when it is approved", () =>
  withJoinScene(async ({ vault, file, clock, options }) => {
    const { ask, asked } = answers(pending(10), pending(20), undefined);
    const told: string[] = [];
    const onWaiting: JoinOptions["onWaiting"] = (id, { code }) => void told.push(`${id} ${code}`);
    const store = openSettingsStore(file, vault);
    const joined = join(options(store, { ask, onWaiting }));
    await settled();
    const { state } = openSettingsStore(file, vault);
    assert.equal(state?.state === "joining" && state.decision?.answer, "pending", "on the disk");
    // Spread by a tenth at `random` 0.5.
    clock.advance(10_999);
    await settled();
    assert.equal(asked.length, 1);
    clock.advance(1);
    await settled();
    assert.equal(asked.length, 2);
    clock.advance(22_000);
    const committed = await joined;
    assert.deepEqual(told, [`${JOIN_SCENE_ID} ${ownCode(committed.keys)}`]);
    // One address is enough: the proven central has said that it waits.
    assert.deepEqual(asked, ["a:1", "a:1", "a:1"]);
  }));

test("F3: stopped while it waits, it loses nothing: started again without a token it asks with the same keys", () =>
  withJoinScene(async ({ vault, file, options }) => {
    const stop = new AbortController();
    const store = openSettingsStore(file, vault);
    const { ask } = answers(pending(300));
    const joined = join(options(store, { ask, signal: stop.signal }));
    joined.catch(() => {});
    await settled();
    const keys = store.state?.keys;
    stop.abort();
    await assert.rejects(joined, fails("agent.approval_waiting"));
    const again = openSettingsStore(file, vault);
    const committed = await join(options(again, { ticket: undefined }));
    assert.deepEqual([committed.agentId, committed.keys], [JOIN_SCENE_ID, keys]);
  }));

test("a central that restarts while a host waits is asked again and again, beyond the rounds of a join", () =>
  withJoinScene(async ({ vault, file, clock, options }) => {
    const silence = Array.from({ length: 8 }, nobody);
    const { ask, asked } = answers(pending(1), ...silence, undefined);
    const store = openSettingsStore(file, vault);
    const joined = join(options(store, { ask, maxRounds: 1 }));
    while (asked.length < 10) {
      await settled();
      clock.advance(60_000);
    }
    assert.equal((await joined).state, "committed");
  }));

test("where it may not wait it ends at once, each time, and says its code", () =>
  withJoinScene(async ({ vault, file, options }) => {
    const store = openSettingsStore(file, vault);
    const { ask, asked } = answers(pending(300));
    for (const ticket of [undefined, undefined]) {
      const wish = { ask, mayWait: false, ...(asked.length > 0 && { ticket }) };
      await assert.rejects(join(options(store, wish)), (error) => {
        const code = ownCode(store.state?.keys ?? { client: "", server: "" });
        return (
          isTautlineError(error) &&
          error.code === "agent.approval_waiting" &&
          error.detail["code"] === code
        );
      });
    }
    assert.equal(asked.length, 2);
  }));

test("declined it stops with central's reason, and is told so each time until somebody approves", () =>
  withJoinScene(async ({ vault, file, options, clock }) => {
    const store = openSettingsStore(file, vault);
    const { ask } = answers(pending(1), declined());
    const joined = join(options(store, { ask }));
    joined.catch(() => {});
    await settled();
    clock.advance(2_000);
    await assert.rejects(joined, fails("agent.refused"));
    const { state } = openSettingsStore(file, vault);
    assert.equal(state?.state === "joining" && state.decision?.answer, "declined");
    const refused = join(options(store, { ask: answers(declined()).ask }));
    await assert.rejects(refused, fails("agent.refused"));
    assert.equal((await join(options(store))).state, "committed");
  }));

test("what is hopeless is told as it is, also to a host that waits", () =>
  withJoinScene(async ({ vault, file, options, clock }) => {
    const store = openSettingsStore(file, vault);
    const revoked = new TautlineError("link.refused", {
      detail: { status: 401, code: "enrolment.token_revoked" },
    });
    const { ask } = answers(pending(1), revoked);
    const joined = join(options(store, { ask }));
    joined.catch(() => {});
    await settled();
    clock.advance(2_000);
    await assert.rejects(joined, fails("link.refused"));
  }));

test("a new token begins anew: what central said of the old one is forgotten", () =>
  withJoinScene(async ({ vault, file, options }) => {
    const store = openSettingsStore(file, vault);
    const wish = { ask: answers(pending(1)).ask, mayWait: false };
    await assert.rejects(join(options(store, wish)), fails("agent.approval_waiting"));
    const { ticket: old } = options(store);
    const ticket = old && { ...old, tokenId: "another" };
    const stop = new AbortController();
    const ask: JoinOptions["ask"] = async () => {
      const { state } = store;
      assert.equal(state?.state === "joining" ? state.decision : "wrong state", undefined);
      throw nobody();
    };
    const again = join(options(store, { ask, ticket, signal: stop.signal }));
    await assert.rejects(again, fails("link.unreachable"));
  }));
