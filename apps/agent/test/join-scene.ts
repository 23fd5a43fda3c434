import { join as joinPath } from "node:path";
import { create } from "@bufbuild/protobuf";
import { decodeAgentToServer, LIMITS, ServerToAgentSchema } from "@tautline/protocol";
import {
  createTestAuthority,
  grantJoin,
  withTempFolder,
  type StandInAnswer,
} from "@tautline/testing";
import type { Vault } from "@tautline/vault";
import { createAgentKeys } from "../src/enrolment/agent-keys.ts";
import type { GrantParts } from "../src/enrolment/grant-check.ts";
import type { JoinOptions } from "../src/enrolment/join.ts";
import { encodeJoinRequest } from "../src/enrolment/join-request.ts";
import type { LocalAudit } from "../src/instructions/local-audit.ts";
import type { JoiningState, JoinTicket } from "../src/settings/agent-state.ts";
import type { SettingsStore } from "../src/settings/settings-store.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { openQuickVault } from "./quick-vault.ts";

/** The id that a join makes in it. */
export const JOIN_SCENE_ID = "0190a000-0000-7000-8000-000000000001";
const START_MS = Date.now();
const authority = createTestAuthority({ now: () => START_MS });
const host = {
  hostName: "h",
  osType: "linux",
  startedAtMs: 0,
  upgrade: "remote",
  instructions: [],
} as const;
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
export function grantFor(state: JoiningState): GrantParts {
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

/** A join without a network: what central says is a test's to say. */
export interface JoinScene {
  readonly vault: Vault;
  readonly file: string;
  readonly clock: ManualClock;
  /** Addresses asked, with the id that asked. */
  readonly asked: string[];
  readonly options: (store: SettingsStore, change?: Partial<JoinOptions>) => JoinOptions;
}

/** Gives `use` a folder for a join, and everything around it. */
export async function withJoinScene(use: (scene: JoinScene) => Promise<void>): Promise<void> {
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
        makeId: () => JOIN_SCENE_ID,
        makeKeys: createAgentKeys,
        ask: async (address, state) => {
          asked.push(`${address} ${state.agentId}`);
          return grantFor(state);
        },
        control: (onConnected) => provingControl(store, onConnected),
        maxRounds: 1,
        mayWait: true,
        onWaiting: () => {},
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
function provingControl(
  store: SettingsStore,
  onConnected: () => void,
): ReturnType<JoinOptions["control"]> {
  return {
    status: { connected: false, evidence: undefined, lastAnswerAtMs: undefined, attempts: [] },
    async run() {
      store.apply({ kind: "proven" });
      onConnected();
      return undefined;
    },
  };
}
