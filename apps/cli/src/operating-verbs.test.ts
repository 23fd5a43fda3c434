import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, toProblem } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import {
  runLine,
  withFakeCentral,
  type Answers,
  type CommandResult,
  type SeenRequest,
} from "./test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";

async function ask(
  line: string,
  answers: Answers,
): Promise<CommandResult & { readonly seen: readonly SeenRequest[] }> {
  return await withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => ({
      ...(await runLine(`${line} --data ${folder}`, folder)),
      seen: [...seen],
    })),
  );
}

const agentRow = {
  id: AGENT,
  name: "web-1",
  namespace: "default",
  state: "active",
  version: "0.1.0",
  level: "mtls",
  group: "X25519MLKEM768",
  lastSeenAt: "2026-11-22T10:03:03Z",
  certificateExpiresAt: "2026-11-23T09:03:15Z",
  profile: null,
};

const linkRow = {
  id: "l-1",
  kind: "control",
  agent: AGENT,
  component: "agent",
  transport: "websocket",
  remoteAddress: "192.0.2.7",
  level: "mtls",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  group: null,
  pq: false,
  serverProven: true,
  clientProven: true,
  forwardSecret: true,
  peerId: `spiffe://default.tautline.internal/agent/${AGENT}`,
  peerSerial: "0a0b",
  keyId: null,
  since: "2026-11-22T09:03:15Z",
  lastMessageAt: "2026-11-22T10:03:03Z",
  verdict: "accepted",
};

test("tokens create: the token alone is on stdout, what it is good for on stderr", async () => {
  const made = { id: "t1", token: "tautline1.abc", uses: 20, expiresAt: "2026-11-23T10:03:15Z" };
  const { code, stdout, stderr, seen } = await ask(
    "tokens create --uses 20 --ttl 24h --namespace lab",
    { "POST /api/v1/tokens": { status: 201, body: made } },
  );
  assert.deepEqual([code, stdout], [0, "tautline1.abc\n"]);
  assert.match(stderr, /Good for 20 agents in namespace lab until 2026-11-23T10:03:15Z\./);
  assert.deepEqual(seen[0]?.body, { namespace: "lab", uses: 20, ttlMs: 86_400_000 });
});

test("tokens create: one agent for one hour in default, unless told otherwise", async () => {
  const made = { id: "t1", token: "tautline1.abc", uses: 1, expiresAt: "2026-11-22T11:03:15Z" };
  const { stdout, stderr, seen } = await ask("tokens create --json", {
    "POST /api/v1/tokens": { status: 201, body: made },
  });
  assert.deepEqual(JSON.parse(stdout), made);
  assert.equal(stderr, "");
  assert.deepEqual(seen[0]?.body, { namespace: "default", uses: 1, ttlMs: 3_600_000 });
});

test("tokens list: uses made of uses allowed", async () => {
  const row = {
    id: "t1",
    namespace: "default",
    state: "used up",
    uses: 2,
    usesMade: 2,
    createdAt: "2026-11-22T10:00:00Z",
    expiresAt: "2026-11-22T11:00:00Z",
  };
  const { stdout } = await ask("tokens list", { "GET /api/v1/tokens": { body: { items: [row] } } });
  assert.equal(
    stdout,
    "ID  NAMESPACE  STATE    USED  EXPIRES               CREATED\n" +
      "t1  default    used up   2/2  2026-11-22T11:00:00Z  2026-11-22T10:00:00Z\n",
  );
});

test("agents list: how long ago each was seen; the namespace goes to central", async () => {
  const answers = { "GET /api/v1/agents?namespace=lab": { body: { items: [agentRow] } } };
  const { stdout } = await ask("agents list --namespace lab", answers);
  assert.match(stdout, /^ID +NAME +NAMESPACE +STATE +LEVEL +GROUP +SEEN +CERTIFICATE ENDS\n/);
  assert.match(stdout, /web-1 +default +active +mtls +X25519MLKEM768 +12s ago +in 23h\n$/);
});

test("lists pass central's rows through with --json", async () => {
  const answers = { "GET /api/v1/agents": { body: { items: [agentRow] } } };
  const { stdout } = await ask("agents list --json", answers);
  assert.deepEqual(JSON.parse(stdout), { items: [agentRow] });
});

test("agents show: by id or by a name that only one agent has, with its links", async () => {
  const page = {
    ...agentRow,
    joinedAt: "2026-11-21T10:03:15Z",
    token: "t1",
    attributes: { "os.type": "linux" },
    health: { healthy: false, lastError: "disk full" },
    settings: { hash: null, status: "failed", error: "no rights" },
  };
  const answers = {
    "GET /api/v1/agents": { body: { items: [agentRow] } },
    [`GET /api/v1/agents/${AGENT}`]: { body: page },
    [`GET /api/v1/links?agent=${AGENT}`]: { body: { items: [linkRow] } },
    [`GET /api/v1/links/history?agent=${AGENT}`]: {
      body: {
        items: [
          {
            ...linkRow,
            refused: null,
            links: 9,
            days: 4,
            lastAt: linkRow.since,
            lastAddress: "::1",
          },
          {
            ...linkRow,
            refused: "x.y",
            links: 2,
            days: 1,
            lastAt: linkRow.since,
            lastAddress: "::1",
          },
        ],
      },
    },
  };
  for (const name of [AGENT, "web-1"]) {
    const { code, stdout } = await ask(`agents show ${name}`, answers);
    assert.equal(code, 0);
    assert.match(stdout, /^name +web-1$/m);
    assert.match(stdout, /^last seen +2026-11-22T10:03:03Z \(12s ago\)$/m);
    assert.match(stdout, /^health +not healthy: disk full$/m);
    assert.match(stdout, /^settings +failed: no rights$/m);
    assert.match(stdout, /^attributes +os\.type = linux$/m);
    assert.match(stdout, /^link +control at mtls, group not known, since 2026-11-22T09:03:15Z/m);
    assert.match(
      stdout,
      /^links used +control at mtls, group not known: 9 opened on 4 days, last 2026-11-22T09:03:15Z from ::1$/m,
    );
    assert.match(stdout, /^links used +.*: 2 refused on 1 day, last \S+ from ::1: x\.y$/m);
  }
});

test("A3: a name that two agents have is refused; revoking takes only an id", async () => {
  const twin = { ...agentRow, id: AGENT.replace("0197", "0198") };
  const answers = { "GET /api/v1/agents": { body: { items: [agentRow, twin] } } };
  const shown = await ask("agents show web-1", answers);
  assert.deepEqual([shown.code, shown.stdout], [1, ""]);
  assert.match(shown.stderr, /cli\.ambiguous_name: 2 agents are called 'web-1'\./);
  const revoked = await ask("agents revoke web-1 --yes", answers);
  assert.equal(revoked.code, 2);
  assert.deepEqual(revoked.seen, []);
});

test("agents show: an unknown name is not found", async () => {
  const { code, stderr } = await ask("agents show web-9", {
    "GET /api/v1/agents": { body: { items: [agentRow] } },
  });
  assert.equal(code, 1);
  assert.match(stderr, /api\.not_found: There is no agent 'web-9'\./);
});

test("destructive verbs ask central only after a yes", async () => {
  const answers = {
    [`POST /api/v1/agents/${AGENT}/revoke`]: { status: 204 },
    "POST /api/v1/tokens/t1/revoke": { status: 204 },
  };
  for (const line of [`agents revoke ${AGENT}`, "tokens revoke t1"]) {
    const unsure = await ask(line, answers);
    assert.equal(unsure.code, 2);
    assert.match(unsure.stderr, /cli\.confirmation_needed/);
    assert.deepEqual(unsure.seen, []);
    const sure = await ask(`${line} --yes`, answers);
    assert.equal(sure.code, 0);
    assert.equal(sure.seen.length, 1);
    assert.match(sure.stdout, /is revoked/);
  }
});

test("links list and show: a group that is not known is called so, never guessed", async () => {
  const answers = {
    "GET /api/v1/links?kind=control&agent=a": { body: { items: [linkRow] } },
    "GET /api/v1/links/l-1": { body: linkRow },
  };
  const list = await ask("links list --kind control --agent a", answers);
  assert.match(
    list.stdout,
    /l-1 +control +0197\S+ +mtls +not known +no +- +2026-11-22T09:03:15Z +accepted/,
  );
  const page = await ask("links show l-1", answers);
  assert.match(page.stdout, /^group +not known$/m);
  assert.match(page.stdout, /^agent proven +yes$/m);
  assert.match(page.stdout, /^since +2026-11-22T09:03:15Z \(1h ago\)$/m);
});

test("OV-2: an agent that is too old is named with the version it needs, in lists and pages", async () => {
  const offers = { version: "4.48.2", levels: ["plaintext"] };
  const old = { level: "plaintext", offers, upgrade: ">= 4.50" };
  const answers = {
    "GET /api/v1/links": { body: { items: [{ ...linkRow, ...old }, linkRow] } },
    "GET /api/v1/links/l-1": { body: { ...linkRow, ...old } },
    "GET /api/v1/agents": { body: { items: [{ ...agentRow, ...old }] } },
  };
  const links = (await ask("links list", answers)).stdout.split("\n");
  assert.match(links[1] ?? "", /accepted, upgrade to >= 4\.50$/);
  assert.match(links[2] ?? "", /accepted$/);
  const agents = await ask("agents list", answers);
  assert.match(agents.stdout, / plaintext, upgrade to >= 4\.50 /);
  const page = await ask("links show l-1", answers);
  assert.match(
    page.stdout,
    /^the agent offers +version 4\.48\.2 with plaintext; upgrade to >= 4\.50$/m,
  );
});

test("namespaces: a wrong name never reaches central", async () => {
  const refused = await ask("namespaces create Lab_1", {});
  assert.equal(refused.code, 2);
  assert.deepEqual(refused.seen, []);
  const made = await ask("namespaces create lab", {
    "POST /api/v1/namespaces": { status: 201, body: { name: "lab", agents: 0 } },
  });
  assert.deepEqual(made.seen[0]?.body, { name: "lab" });
  assert.match(made.stdout, /tokens create --namespace lab/);
});

test("namespaces list and show", async () => {
  const row = { name: "lab", createdAt: "2026-11-22T10:00:00Z", agents: 3 };
  const answers = {
    "GET /api/v1/namespaces": { body: { items: [row] } },
    "GET /api/v1/namespaces/lab": { body: row },
  };
  assert.match((await ask("namespaces list", answers)).stdout, /^lab +3 +2026-11-22T10:00:00Z$/m);
  assert.match(
    (await ask("namespaces show lab", answers)).stdout,
    /^created +2026-11-22T10:00:00Z$/m,
  );
});

test("settings: global without --namespace, of one namespace with it", async () => {
  const answers = {
    "PUT /api/v1/settings": { status: 204 },
    "DELETE /api/v1/settings?key=agents.logLevel": { status: 204 },
    "DELETE /api/v1/settings?namespace=lab&key=agents.logLevel": { status: 204 },
  };
  const all = await ask("settings set agents.logLevel debug", answers);
  assert.deepEqual(all.seen[0]?.body, { key: "agents.logLevel", value: "debug" });
  assert.match(all.stdout, /agents\.logLevel is now debug for every namespace\./);
  const one = await ask("settings set agents.logLevel debug --namespace lab", answers);
  assert.deepEqual(one.seen[0]?.body, { namespace: "lab", key: "agents.logLevel", value: "debug" });
  assert.match((await ask("settings unset agents.logLevel", answers)).stdout, /every namespace/);
  assert.match(
    (await ask("settings unset agents.logLevel --namespace lab", answers)).stdout,
    /namespace lab/,
  );
});

test("settings get prints the value alone, of exactly the scope that was asked for", async () => {
  const items = [
    { namespace: "", key: "agents.logLevel", value: "info" },
    { namespace: "lab", key: "agents.logLevel", value: "debug" },
  ];
  const answers = { "GET /api/v1/settings": { body: { items } } };
  assert.equal((await ask("settings get agents.logLevel", answers)).stdout, "info\n");
  assert.equal(
    (await ask("settings get agents.logLevel --namespace lab", answers)).stdout,
    "debug\n",
  );
  assert.equal((await ask("settings get agents.logLevel --namespace x", answers)).code, 1);
  assert.match(
    (await ask("settings list", answers)).stdout,
    /^agents\.logLevel +debug +namespace lab$/m,
  );
});

test("certs: lists, one page with its PEM as it is, and the authorities", async () => {
  const row = {
    serial: "0a",
    name: "spiffe://tautline.internal/central",
    agent: null,
    purpose: "server",
    notBefore: "2026-11-22T10:00:00Z",
    notAfter: "2026-11-23T10:00:00Z",
    revokedAt: null,
  };
  const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const root = { id: "i", kind: "root", namespace: "", notAfter: "2036-11-22T10:00:00Z" };
  const answers = {
    "GET /api/v1/certificates": { body: { items: [row] } },
    "GET /api/v1/certificates/0a": { body: { ...row, pem } },
    "GET /api/v1/authorities": { body: { items: [root] } },
  };
  assert.match((await ask("certs list", answers)).stdout, /^0a +server +- +in 23h +- +spiffe:/m);
  const page = (await ask("certs show 0a", answers)).stdout;
  assert.match(page, /^revoked +no$/m);
  assert.ok(page.endsWith(`\n\n${pem}`));
  assert.match((await ask("certs authority", answers)).stdout, /^root +all +in \d+d [ -]+ i$/m);
});

test("audit list: --since goes to central as a time", async () => {
  const entry = {
    seq: 7,
    at: "2026-11-22T10:00:00Z",
    action: "agent.joined",
    actor: "token:t1",
    subject: `agent:${AGENT}`,
    detail: { name: "web-1", namespace: "default" },
  };
  const { stdout } = await ask("audit list --since 15m --limit 5", {
    "GET /api/v1/audit?since=2026-11-22T09%3A48%3A15.000Z&limit=5": { body: { items: [entry] } },
  });
  assert.match(
    stdout,
    / 7 +2026-11-22T10:00:00Z +agent\.joined +token:t1 .* name=web-1 namespace=default\n$/,
  );
});

test("vault status: the source, its strength, and what to do about it", async () => {
  const finding = {
    what: "The key lies beside the data.",
    where: "w",
    why: "Copies.",
    remedy: "Use a passphrase.",
  };
  const vault = { keyVersion: 1, source: "key-file", where: "w", strength: "weak", finding };
  const { stdout } = await ask("vault status", { "GET /api/v1/vault": { body: vault } });
  assert.match(stdout, /^strength +weak$/m);
  assert.match(stdout, /^what to do +Use a passphrase\.$/m);
});

test("status shows where central listens and how much it holds", async () => {
  const body = {
    version: "0.1.0",
    trustDomain: "fleet.test",
    startedAt: "2026-11-22T09:03:15Z",
    dataDir: "/srv",
    agents: "[::]:9150",
    console: "127.0.0.1:8443",
    rootPin: "ab",
    counts: { agents: 3, links: 2, tokens: 1 },
  };
  const { stdout } = await ask("status", { "GET /api/v1/status": { body } });
  assert.match(stdout, /^agents dial +\[::\]:9150$/m);
  assert.match(stdout, /^started +2026-11-22T09:03:15Z \(1h ago\)$/m);
  assert.match(stdout, /^live links +2$/m);
});

test("routes lists central's own table", async () => {
  const items = [{ method: "GET", path: "/healthz", role: "none" }];
  const { stdout } = await ask("routes", { "GET /api/v1/routes": { body: { items } } });
  assert.equal(stdout, "METHOD  PATH      ROLE\nGET     /healthz  none\n");
});

test("empty lists say what to do next", async () => {
  const empty = { body: { items: [] } };
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ["tokens list", "tokens", /tautline tokens create/],
    ["agents list", "agents", /tautline tokens create/],
    ["links list", "links", /tautline agents list/],
    ["settings list", "settings", /defaults/],
  ];
  for (const [line, route, says] of rows) {
    const { code, stdout } = await ask(line, { [`GET /api/v1/${route}`]: empty });
    assert.equal(code, 0);
    assert.match(stdout, says);
  }
});

test("a refusal by central ends with its exit code, and as a document with --json", async () => {
  const error = new TautlineError("api.invalid", {
    detail: { path: "agents.nix", reason: "unknown key" },
  });
  const answers = { "PUT /api/v1/settings": { status: 400, body: toProblem(error) } };
  const people = await ask("settings set agents.nix 1", answers);
  assert.equal(people.code, 2);
  assert.match(people.stderr, /^tautline: api\.invalid: .*agents\.nix: unknown key/);
  const program = await ask("settings set agents.nix 1 --json", answers);
  assert.deepEqual(JSON.parse(program.stderr), { ...toProblem(error) });
});

test("operators create: the token alone is on stdout, what it is good for on stderr", async () => {
  const made = { name: "ana", token: "tautline-op.x", expiresAt: "2026-12-22T10:03:15Z" };
  const { code, stdout, stderr, seen } = await ask(
    "operators create ana --role operator --namespace lab --ttl 30d",
    { "POST /api/v1/operators": { status: 201, body: made } },
  );
  assert.deepEqual([code, stdout], [0, "tautline-op.x\n"]);
  assert.match(stderr, /ana is operator of namespace lab until 2026-12-22T10:03:15Z\./);
  const body = { name: "ana", role: "operator", namespace: "lab", ttlMs: 2_592_000_000 };
  assert.deepEqual(seen[0]?.body, body);
});

test("operators create: no role, another role or a bad name never reach central", async () => {
  for (const [line, code] of [
    ["operators create ana", "cli.usage"],
    ["operators create ana --role root", "cli.usage"],
    ["operators create Ana --role viewer", "value.operator_name"],
    ["operators create local --role admin", "value.operator_name"],
  ] as const) {
    const { code: exit, stderr, seen } = await ask(line, {});
    assert.deepEqual([exit, seen.length], [2, 0], line);
    assert.ok(stderr.includes(code), stderr);
  }
});

test("operators list and disable: who, what, where, until when; asked before the end", async () => {
  const row = {
    name: "ana",
    role: "viewer",
    namespace: null,
    state: "active",
    expiresAt: "2026-12-22T10:03:15Z",
    createdBy: "operator:local",
  };
  const answers = {
    "GET /api/v1/operators": { body: { items: [row] } },
    "POST /api/v1/operators/ana/disable": { status: 204 },
  };
  const list = await ask("operators list", answers);
  assert.match(list.stdout, /ana {2,}viewer {2,}all {2,}active {2,}2026-12-22T10:03:15Z/);
  assert.equal((await ask("operators disable ana", answers)).code, 2);
  const disabled = await ask("operators disable ana --yes", answers);
  assert.equal(disabled.stdout, "Operator ana is disabled.\n");
});

const listenerRow = {
  name: "plaintext",
  bind: "loopback",
  addresses: ["127.0.0.1:8787", "[::1]:8787"],
  levels: ["plaintext"],
  shared: false,
  links: 2,
};

test("listeners list shows what is really listened on, and what is not", async () => {
  const off = { ...listenerRow, bind: "off", addresses: [], levels: [], links: 0 };
  const { code, stdout } = await ask("listeners list", {
    "GET /api/v1/listeners": { body: { items: [listenerRow, off] } },
  });
  assert.equal(code, 0);
  assert.match(stdout, /plaintext +loopback +127\.0\.0\.1:8787, \[::1\]:8787 +plaintext +2/);
  assert.match(stdout, /plaintext +off +nothing +none +0/);
});

test("listeners set sends what was named and nothing else, and says what is so now", async () => {
  const { stdout, seen } = await ask(
    "listeners set plaintext --bind loopback --levels plaintext --port 8787 --shared",
    { "PUT /api/v1/listeners/plaintext": { body: listenerRow } },
  );
  const body = { port: 8787, bind: "loopback", levels: ["plaintext"], shared: true };
  assert.deepEqual(seen[0]?.body, body);
  assert.match(stdout, /^plaintext is loopback: it listens on 127\.0\.0\.1:8787, \[::1\]:8787/);
});

test("listeners set without a change asks nobody", async () => {
  const { code, stderr, seen } = await ask("listeners set agents", {});
  assert.equal(code, 2);
  assert.match(stderr, /not said what to change/);
  assert.deepEqual(seen, []);
});
