import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeyPair } from "@tautline/pki";
import { createTestAuthority } from "@tautline/testing";
import { sampleEvidence } from "../../test/fake-transport.ts";
import {
  sampleCommitted,
  sampleIdentity,
  sampleJoining,
  samplePending,
} from "../../test/sample-states.ts";
import { NO_MEMORY } from "../audit/head-memory.ts";
import { splitState } from "../settings/settings-document.ts";
import { describeStatus } from "./agent-status.ts";

const authority = createTestAuthority();
const leaf = (purpose: "client" | "server"): string =>
  authority.issueAgentLeaf({
    namespace: "default",
    agentId: sampleJoining.agentId,
    publicKey: createKeyPair("p256").publicKey,
    purpose,
  });
const identity = {
  ...sampleIdentity,
  clientChainPem: leaf("client"),
  serverChainPem: leaf("server"),
};
const committed = splitState({ ...sampleCommitted, identity }).open;

test("a stopped agent's document says what the folder says in clear, and no more", () => {
  const status = describeStatus(committed, undefined);
  assert.deepEqual(
    [status.state, status.running, status.link, status.vault, status.errors],
    ["active", false, null, null, []],
  );
  assert.deepEqual([status.forwards, status.services], [[], []]);
  assert.deepEqual(status.central, {
    addresses: ["central.example:9150"],
    connected: false,
    lastAnswerAt: null,
    clockOffsetSeconds: null,
    offers: null,
    attempts: [],
    candidates: [],
    proxy: null,
  });
  assert.deepEqual(
    status.certificates.map(({ purpose }) => purpose),
    ["client", "server"],
  );
  assert.match(status.certificates[0]?.serial ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(status.settings, {
    hash: null,
    seq: "0",
    epoch: 3,
    values: sampleCommitted.last.settings,
  });
});

test("a running agent adds its link, vault, central and problems", () => {
  const forward = {
    name: "db",
    listen: "127.0.0.1:5432",
    listening: true,
    open: 1,
    total: 3,
    sentBytes: 10,
    receivedBytes: 20,
    refused: 1,
    cut: 1,
  };
  const { listen: _listen, listening: _listening, ...counts } = forward;
  const service = { ...counts, name: "ssh", to: "127.0.0.1:22", reachable: true };
  const problem = {
    at: "2026-01-01T00:00:00.000Z",
    code: "link.timeout",
    text: "No answer.",
    remedy: "Wait.",
  };
  const status = describeStatus(committed, {
    control: {
      connected: true,
      evidence: sampleEvidence,
      lastAnswerAtMs: Date.UTC(2026, 0, 1),
      attempts: [],
    },
    vault: { keyVersion: 1, source: "key-file", where: "the folder", strength: "weak" },
    problems: [problem],
    auditMemory: NO_MEMORY,
    addresses: ["other.example:9150"],
    clockOffsetMs: -400_400,
    offer: { version: "0.2.0", levels: ["tls", "mtls"] },
    proxy: "proxy.example:3128",
    forwards: [forward],
    services: [service],
    keptCertificates: [],
    level: "mtls",
    key: null,
  });
  assert.equal(status.running, true);
  assert.equal(status.link?.group, "X25519MLKEM768");
  assert.deepEqual(status.vault, { source: "key-file", strength: "weak" });
  assert.deepEqual(status.central, {
    addresses: ["other.example:9150"],
    connected: true,
    lastAnswerAt: "2026-01-01T00:00:00.000Z",
    clockOffsetSeconds: -400,
    offers: { version: "0.2.0", levels: ["tls", "mtls"] },
    attempts: [],
    candidates: [],
    proxy: "proxy.example:3128",
  });
  assert.deepEqual(
    [status.errors, status.forwards, status.services],
    [[problem], [forward], [service]],
  );
  assert.deepEqual([status.level, status.key, status.promotion], ["mtls", null, null]);
});

test("before central granted anything there is an id and a name, no namespace and no certificate", () => {
  const status = describeStatus(splitState(sampleJoining).open, undefined);
  assert.deepEqual(
    [status.state, status.namespace, status.certificates, status.settings],
    ["joining", null, [], null],
  );
});

test("promise 6: no secret stands in the document", () => {
  const text = JSON.stringify(describeStatus(splitState(sampleJoining).open, undefined));
  assert.ok(!text.includes("PRIVATE") && !text.includes(sampleJoining.ticket.secret));
});

test("a join that an operator decides says so, with the code of this host's keys", () => {
  for (const answer of ["pending", "declined"] as const) {
    const decision = { answer, code: "7Q2-0KX", sinceMs: Date.UTC(2026, 0, 1) };
    const { open } = splitState({ ...samplePending, decision });
    const status = describeStatus(open, undefined);
    assert.equal(status.state, answer);
    assert.deepEqual(status.approval, { code: "7Q2-0KX", since: "2026-01-01T00:00:00.000Z" });
  }
  assert.equal(describeStatus(committed, undefined).approval, null);
});
