import assert from "node:assert/strict";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { isTautlineError, TautlineError, type ErrorCode } from "@tautline/protocol";
import {
  createTestAuthority,
  grantJoin,
  withTempFolder,
  type StandInAnswer,
} from "@tautline/testing";
import { create } from "@bufbuild/protobuf";
import { decodeAgentToServer, LIMITS, ServerToAgentSchema } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import { openQuickVault } from "../../test/quick-vault.ts";
import type { AgentControl } from "../control/agent-control.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type { JoiningState, JoinTicket } from "../settings/agent-state.ts";
import { openSettingsStore, type SettingsStore } from "../settings/settings-store.ts";
import { createAgentKeys } from "./agent-keys.ts";
import type { GrantParts } from "./grant-check.ts";
import { encodeJoinRequest } from "./join-request.ts";
import { join, type JoinOptions } from "./join.ts";

const ID = "0190a000-0000-7000-8000-000000000001";
const START_MS = Date.now();
const authority = createTestAuthority({ now: () => START_MS });
const host = { hostName: "h", osType: "linux", startedAtMs: 0 };
const audit: LocalAudit = { finding: undefined, append: () => {}, close: () => {} };
const ticket: JoinTicket = {
  addresses: ["a:1", "b:1"],
  pins: [authority.rootPin.toString("base64url")],
  trustDomain: "fleet.test",
  namespace: "default",
  tokenId: "t",
  secret: "c2VjcmV0",
};

/** What an honest central grants. */
function grantFor(state: JoiningState): GrantParts {
  const request = decodeAgentToServer(
    encodeJoinRequest(state, host),
    LIMITS.opampMessageBytes.value,
  );
  const answer: StandInAnswer = grantJoin(request, {
    authority,
    namespace: "default",
    addresses: ["a:1"],
  });
  const { connectionSettings, customMessage } = create(ServerToAgentSchema, answer);
  return { offer: connectionSettings, grant: customMessage?.data ?? new Uint8Array() };
}

interface Scene {
  readonly vault: Vault;
  readonly file: string;
  readonly clock: ManualClock;
  /** Addresses asked, with the id that asked. */
  readonly asked: string[];
  readonly options: (store: SettingsStore, change?: Partial<JoinOptions>) => JoinOptions;
}

async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  const vault = await openQuickVault();
  await withTempFolder(async (folder) => {
    const clock = createManualClock(START_MS);
    const asked: string[] = [];
    await use({
      vault,
      file: joinPath(folder, "settings.json"),
      clock,
      asked,
      options: (store, change) => ({
        store,
        audit,
        ticket,
        name: "web-1",
        makeId: () => ID,
        makeKeys: createAgentKeys,
        ask: async (address, state) => {
          asked.push(`${address} ${state.agentId}`);
          return grantFor(state);
        },
        control: (onConnected) => provingControl(store, onConnected),
        maxRounds: 1,
        clock,
        centralNow: clock.now,
        random: () => 0.5,
        signal: new AbortController().signal,
        onProblem: () => {},
        ...change,
      }),
    });
  });
}

/** A control link whose first answer comes at once. */
function provingControl(store: SettingsStore, onConnected: () => void): AgentControl {
  return {
    status: { connected: false, evidence: undefined, lastAnswerAtMs: undefined, attempts: [] },
    async run() {
      store.apply({ kind: "proven" });
      onConnected();
      return undefined;
    },
  };
}

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
