import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ServerToAgentSchema, TautlineError, type ErrorCode } from "@tautline/protocol";
import { createManualClock } from "../../test/manual-clock.ts";
import { openQuickVault } from "../../test/quick-vault.ts";
import { sampleIdentity, sampleJoining } from "../../test/sample-states.ts";
import { createTestAuthority, offerSettings, withTempFolder } from "@tautline/testing";
import { parseConfig } from "@tautline/daemon";
import { agentConfigSchema } from "../config.ts";
import { requireRemoteForwards } from "../forwards/remote-forwards.ts";
import { readServerMessage } from "../control/server-message.ts";
import { openSettingsStore, type SettingsStore } from "../settings/settings-store.ts";
import { createInstructionGate, type InstructionGate, type Order } from "./instruction-gate.ts";
import type { AuditBody, LocalAudit } from "./local-audit.ts";
import { createReportAllowance } from "../report-allowance.ts";
import { agentIdToBytes } from "@tautline/protocol";

const { agentId, name, keys, ticket } = sampleJoining;
const authority = createTestAuthority();

interface Scene {
  readonly gate: InstructionGate;
  readonly store: SettingsStore;
  readonly audited: { readonly event: string; readonly body: AuditBody }[];
  /** Makes the audit trail fail from now on. */
  readonly breakAudit: () => void;
}

const HOST = parseConfig(
  "agent",
  "agent.yaml",
  'remoteForwards: [{ listen: "127.0.0.1:5000-7000", names: ["*"] }]',
  agentConfigSchema,
);

async function withGate(
  use: (scene: Scene) => void,
  { isJoined = true, allowedKinds = ["settings"] } = {},
): Promise<void> {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const store = openSettingsStore(join(folder, "settings.json"), vault);
    store.apply({ kind: "began", agentId, name, keys, ticket });
    const { instructorKeyPem } = authority;
    store.apply({
      kind: "granted",
      name,
      identity: { ...sampleIdentity, instructorKeyPem, signerEpoch: 1 },
      renewAtMs: 0,
    });
    if (isJoined) store.apply({ kind: "proven" });
    const audited: Scene["audited"] = [];
    let isBroken = false;
    const audit: LocalAudit = {
      finding: undefined,
      append(event, body) {
        if (isBroken) {
          throw new TautlineError("agent.audit_unwritable", {
            detail: { file: "audit", reason: "ENOSPC" },
          });
        }
        audited.push({ event, body });
      },
      close: () => {},
    };
    const gate = createInstructionGate({
      store,
      audit,
      allowance: createReportAllowance(createManualClock().now),
      allowedKinds: new Set(allowedKinds),
      requireAllowed: ({ forwards = {} }) => requireRemoteForwards(forwards, HOST),
      hasLocalAddresses: false,
      level: () => "mtls",
      now: () => Date.now(),
    });
    use({ gate, store, audited, breakAudit: () => void (isBroken = true) });
  });
}

/** Settings as central offers them, read back from the message they came in. */
function order(seq: bigint, settings = '{"heartbeatSeconds":60}'): Order {
  const offer = offerSettings({
    authority,
    settings,
    instruction: { agentId, namespace: "default", seq },
  });
  const message = create(ServerToAgentSchema, { instanceUid: agentIdToBytes(agentId), ...offer });
  const [word] = readServerMessage(message, agentId);
  assert.ok(word?.kind === "instruction");
  return word;
}

function codeOf(gate: InstructionGate, given: Order): ErrorCode | "" {
  const outcome = gate.receive(given);
  return outcome.carriedOut ? "" : outcome.error.code;
}

test("a good instruction is recorded before it is done, and its number, hash and settings are kept together", async () => {
  await withGate(({ gate, store, audited }) => {
    const outcome = gate.receive(order(7n));
    assert.ok(outcome.carriedOut && !("begins" in outcome));
    assert.deepEqual(outcome.receipt, { signerEpoch: 1, seq: 7n, code: "", text: "" });
    assert.deepEqual(
      audited.map(({ event }) => event),
      ["instruction.accepted"],
    );
    assert.equal(audited[0]?.body["seq"], "7");
    assert.ok(store.state?.state === "committed");
    assert.equal(store.state.last.seq, 7n);
    assert.equal(store.state.last.settings.heartbeatSeconds, 60);
    assert.equal(store.state.last.configHash, Buffer.from(outcome.configHash).toString("hex"));
  });
});

test("forwards that the host lists are recorded by name and place; with one more that it does not list nothing is done", async () => {
  await withGate(({ gate, store, audited }) => {
    const listed = '{"forwards":{"db":"127.0.0.1:5432","x":"127.0.0.1:7000"}}';
    assert.equal(codeOf(gate, order(1n, listed)), "");
    assert.equal(audited[0]?.body["forwards"], "db at 127.0.0.1:5432, x at 127.0.0.1:7000");
    const more = '{"heartbeatSeconds":60,"forwards":{"db":"127.0.0.1:5432","web":"127.0.0.1:80"}}';
    const outcome = gate.receive(order(2n, more));
    assert.ok(!outcome.carriedOut);
    assert.equal(outcome.receipt.code, "agent.forward_not_listed");
    assert.match(outcome.receipt.text, /forward 'web' at 127\.0\.0\.1:80/);
    assert.deepEqual([audited[1]?.event, audited[1]?.body["seq"]], ["instruction.refused", "2"]);
    assert.ok(store.state?.state === "committed");
    assert.equal(store.state.last.settings.heartbeatSeconds, 30);
    assert.deepEqual(Object.keys(store.state.last.settings.forwards ?? {}), ["db", "x"]);
  });
});

test("what cannot be recorded is not done", async () => {
  await withGate(({ gate, store, breakAudit }) => {
    breakAudit();
    const outcome = gate.receive(order(1n));
    assert.ok(!outcome.carriedOut);
    assert.equal(outcome.receipt.code, "agent.audit_unwritable");
    assert.ok(store.state?.state === "committed" && store.state.last.seq === 0n);
  });
});

test("a refusal that cannot be recorded still is a refusal, and the worse news is shown", async () => {
  await withGate(({ gate, breakAudit }) => {
    breakAudit();
    const outcome = gate.receive({ kind: "unsigned", what: "command" });
    assert.ok(!outcome.carriedOut);
    assert.equal(outcome.receipt.code, "instruction.unsigned");
    assert.equal(outcome.error.code, "agent.audit_unwritable");
  });
});

test("local settings that allow nothing let no instruction through, however well signed", async () => {
  await withGate(
    ({ gate }) => assert.equal(codeOf(gate, order(1n)), "instruction.kind_not_allowed"),
    { allowedKinds: [] },
  );
});

test("an agent whose identity is not proven yet takes no instruction", async () => {
  await withGate(({ gate }) => assert.equal(codeOf(gate, order(1n)), "agent.out_of_order"), {
    isJoined: false,
  });
});

test("a flood of refusals fills neither the disk nor hides how large it was", async () => {
  await withGate(({ gate, audited }) => {
    for (let count = 0; count < 1_000; count += 1) {
      assert.equal(codeOf(gate, { kind: "unsigned", what: "command" }), "instruction.unsigned");
    }
    assert.equal(audited.length, 60);
    assert.equal(codeOf(gate, order(1n)), "");
    assert.equal(audited.at(-1)?.event, "instruction.accepted");
  });
});

test("the hash of a refused offer goes back to central, but neither the one in force nor an endless one", async () => {
  await withGate(({ gate }) => {
    const good = order(1n);
    assert.ok(gate.receive(good).carriedOut);
    const again = gate.receive(good);
    assert.ok(!again.carriedOut && again.refusedHash === undefined);
    const other = order(1n, '{"heartbeatSeconds":90}');
    const refused = gate.receive(other);
    assert.ok(!refused.carriedOut && other.kind === "instruction");
    assert.deepEqual(refused.refusedHash, other.remoteConfig?.configHash);
    assert.ok(other.remoteConfig !== undefined);
    const endless = { ...other.remoteConfig, configHash: new Uint8Array(65) };
    const bounded = gate.receive({ ...other, remoteConfig: endless });
    assert.ok(!bounded.carriedOut && bounded.refusedHash === undefined);
  });
});
