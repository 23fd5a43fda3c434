import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError, TautlineError, type ErrorCode } from "@tautline/protocol";
import {
  grantFor,
  JOIN_SCENE_ID as ID,
  withJoinScene as withScene,
} from "../../test/join-scene.ts";
import { openSettingsStore, type SettingsStore } from "../settings/settings-store.ts";
import { join, type JoinOptions } from "./join.ts";

type AgentControl = ReturnType<JoinOptions["control"]>;

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

test("a join ends committed: with the id made once, the keys made once, and no token", async () => {
  await withScene(async ({ vault, file, asked, options }) => {
    const store = openSettingsStore(file, vault);
    const state = await join(options(store));
    assert.equal(state.agentId, ID);
    assert.deepEqual(asked, [`a:1 ${ID}`]);
    assert.deepEqual(openSettingsStore(file, vault).state, state);
  });
});

const WRITES = ["began", "granted", "proven"] as const;
for (const write of WRITES) {
  for (const when of ["before", "after"] as const) {
    test(`F3: a crash ${when} the write of '${write}' is resumed to the same identity`, async () => {
      await withScene(async ({ vault, file, asked, options }) => {
        const crash = new Error("crash");
        const real = openSettingsStore(file, vault);
        const crashing: SettingsStore = {
          get state() {
            return real.state;
          },
          apply(event) {
            if (event.kind === write && when === "before") throw crash;
            const state = real.apply(event);
            if (event.kind === write && when === "after") throw crash;
            return state;
          },
        };
        await assert.rejects(join(options(crashing)));
        const keys = openSettingsStore(file, vault).state?.keys;
        const reopened = openSettingsStore(file, vault);
        const state = await join(options(reopened));
        assert.equal(state.state, "committed");
        if (keys !== undefined) assert.deepEqual(state.keys, keys);
        // Asked twice only where the first grant could not be kept, and then by the same agent.
        assert.equal(asked.length, write === "granted" && when === "before" ? 2 : 1);
        assert.equal(new Set(asked).size, 1);
      });
    });
  }
}

test("every address of the token is asked in turn; one that grants is enough", async () => {
  await withScene(async ({ vault, file, options }) => {
    const tried: string[] = [];
    const store = openSettingsStore(file, vault);
    const ask: JoinOptions["ask"] = async (address, state) => {
      tried.push(address);
      if (address === "a:1") throw new TautlineError("link.timeout");
      return grantFor(state);
    };
    assert.equal((await join(options(store, { ask }))).state, "committed");
    assert.deepEqual(tried, ["a:1", "b:1"]);
  });
});

test("a refusal ends the join at once; it is what is told, not that another address was silent", async () => {
  await withScene(async ({ vault, file, options }) => {
    const store = openSettingsStore(file, vault);
    const codes: Record<string, ErrorCode> = { "a:1": "link.unreachable", "b:1": "agent.refused" };
    const ask: JoinOptions["ask"] = async (address) => {
      throw new TautlineError(codes[address] ?? "internal.unexpected");
    };
    await assert.rejects(join(options(store, { ask })), fails("agent.refused"));
    assert.equal(store.state?.state, "joining");
  });
});

test("what the proven central refuses is not asked again at its other addresses", async () => {
  await withScene(async ({ vault, file, options }) => {
    const tried: string[] = [];
    const ask: JoinOptions["ask"] = async (address) => {
      tried.push(address);
      throw new TautlineError("agent.refused");
    };
    const store = openSettingsStore(file, vault);
    await assert.rejects(join(options(store, { ask })), fails("agent.refused"));
    assert.deepEqual(tried, ["a:1"]);
  });
});

test("where nobody answers it waits and goes round again, as often as it was told", async () => {
  await withScene(async ({ vault, file, clock, options }) => {
    let tries = 0;
    const store = openSettingsStore(file, vault);
    const ask: JoinOptions["ask"] = async () => {
      tries += 1;
      throw new TautlineError("link.unreachable");
    };
    const ended = assert.rejects(
      join(options(store, { ask, maxRounds: 2 })),
      fails("link.unreachable"),
    );
    await new Promise(setImmediate);
    assert.equal(tries, 2);
    clock.advance(500);
    await ended;
    assert.equal(tries, 4);
  });
});

test("a proof that fails tells why and leaves the candidate for the next start", async () => {
  await withScene(async ({ vault, file, options }) => {
    const store = openSettingsStore(file, vault);
    const refusing: AgentControl = {
      status: { connected: false, evidence: undefined, lastAnswerAtMs: undefined, attempts: [] },
      run: () => Promise.resolve(new TautlineError("agent.refused")),
    };
    const control = () => refusing;
    await assert.rejects(join(options(store, { control })), fails("agent.refused"));
    assert.equal(store.state?.state, "candidate");
    assert.equal((await join(options(store, { ticket: undefined }))).state, "committed");
  });
});

test("stopped while it asks, a join ends as cancelled and can be resumed", async () => {
  await withScene(async ({ vault, file, options }) => {
    const store = openSettingsStore(file, vault);
    const stop = new AbortController();
    const ask: JoinOptions["ask"] = async () => {
      stop.abort();
      throw new TautlineError("link.cancelled");
    };
    const { signal } = stop;
    await assert.rejects(join(options(store, { ask, signal })), fails("link.cancelled"));
    assert.equal(store.state?.state, "joining");
  });
});
