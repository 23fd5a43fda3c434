import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { TEST_NOW_MS, withFakeCentral, type Answers } from "../test-world.ts";
import { examineCentral } from "./examine-central.ts";

const own = (notAfter: string, serial: string): Record<string, unknown> => ({
  serial,
  agent: null,
  purpose: "server",
  notBefore: "2026-11-22T00:00:00Z",
  notAfter,
  revokedAt: null,
});

const HEALTHY: Answers = {
  "GET /api/v1/vault": { body: { source: "passphrase-file", strength: "strong" } },
  "GET /api/v1/authorities": {
    body: { items: [{ kind: "root", namespace: "", notAfter: "2036-01-01T00:00:00Z" }] },
  },
  "GET /api/v1/certificates": { body: { items: [own("2026-11-23T10:00:00Z", "0b")] } },
  "GET /api/v1/agents": { body: { items: [] } },
  "GET /api/v1/listeners": { body: { items: [] } },
  "GET /api/v1/keys": { body: { items: [] } },
  "GET /api/v1/policy": { body: { items: [] } },
  "GET /api/v1/policy/changes": { body: { items: [] } },
  "GET /api/v1/backends": { body: { items: [] } },
  "GET /api/v1/receiver": { body: { tokens: [], refusals: [], claims: [] } },
  "GET /api/v1/policy/reopenings": { body: { items: [] } },
};

async function examine(answers: Answers, config?: string): Promise<readonly string[]> {
  return await withTempFolder((folder) =>
    withFakeCentral(folder, answers, async () => {
      if (config !== undefined) writeFileSync(join(folder, "central.yaml"), config);
      const context = { cwd: folder, now: () => TEST_NOW_MS };
      const findings = await examineCentral(folder, context);
      return findings.map(({ severity, what }) => `${severity} ${what}`);
    }),
  );
}

test("a central that runs, with a strong key source and fresh certificates, has no finding", async () => {
  assert.deepEqual(await examine(HEALTHY), []);
});

test("only central's newest certificate counts; those before it ended as they should", async () => {
  const items = [own("2026-11-22T01:00:00Z", "0a"), own("2026-11-23T10:00:00Z", "0b")];
  assert.deepEqual(
    await examine({ ...HEALTHY, "GET /api/v1/certificates": { body: { items } } }),
    [],
  );
  const [old] = items;
  const expired = { ...HEALTHY, "GET /api/v1/certificates": { body: { items: [old] } } };
  assert.match((await examine(expired)).join(), /^error A certificate has expired/);
});

test("a weak key source, an authority near its end and a wrong settings file are findings", async () => {
  const finding = { what: "The key lies beside the data.", where: "w", why: "y", remedy: "z" };
  assert.deepEqual(await examine({ ...HEALTHY, "GET /api/v1/vault": { body: { finding } } }), [
    "warning The key lies beside the data.",
  ]);
  const items = [{ kind: "agents", namespace: "lab", notAfter: "2026-12-01T00:00:00Z" }];
  assert.match(
    (await examine({ ...HEALTHY, "GET /api/v1/authorities": { body: { items } } })).join(),
    /^warning A certificate expires soon: 2026-12-01T00:00:00Z/,
  );
  assert.match(
    (await examine(HEALTHY, "agents: { prot: 1 }\n")).join(),
    /^error .*agents\.prot: unknown key/,
  );
  assert.deepEqual(await examine(HEALTHY, "agents: { port: 9151 }\n"), []);
});

test("a central that does not run is an error", () =>
  withTempFolder(async (folder) => {
    const [finding] = await examineCentral(folder, { cwd: folder, now: () => TEST_NOW_MS });
    assert.equal(finding?.severity, "error");
    assert.match(finding?.what ?? "", /No central is running/);
  }));

test("F25: an agent that seems to exist twice is an error, until it is revoked", async () => {
  const agent = { id: "a1", name: "web-1", cloneSuspectedAt: "2026-11-22T10:00:00Z" };
  const items = [
    { ...agent, state: "active" },
    { ...agent, state: "revoked" },
    { ...agent, state: "active", cloneSuspectedAt: null },
  ];
  const found = await examine({ ...HEALTHY, "GET /api/v1/agents": { body: { items } } });
  assert.equal(found.length, 1);
  assert.match(found.join(), /^error An agent seems to exist twice since 2026-11-22T10:00:00Z/);
});

test("F8: an agent whose clock is beyond the tolerance is an error, within it nothing", async () => {
  const items = [300, -300, null, 301, -7380].map((clockOffsetSeconds) => ({
    id: "a1",
    name: "web-1",
    state: "active",
    clockOffsetSeconds,
  }));
  const found = await examine({ ...HEALTHY, "GET /api/v1/agents": { body: { items } } });
  assert.equal(found.length, 2);
  assert.match(found[0] ?? "", /^error An agent's clock is 5 min 1 s ahead of central's/);
  assert.match(found[1] ?? "", /^error An agent's clock is 2 h 3 min behind central's/);
});
