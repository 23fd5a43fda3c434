import assert from "node:assert/strict";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  runLine,
  withFakeCentral,
  type Answers,
  type CommandResult,
  type SeenRequest,
} from "../test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";
const OTHER = "0197d3b1-7c00-7abc-8def-0123456789ac";
const CODE = "7Q2-0KX-AAA-BBB-CCC-DDD-EEE-FFF";

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

const candidate = {
  id: AGENT,
  name: "web-1",
  namespace: "default",
  state: "pending",
  attributes: { "host.name": "web-1.example" },
  approval: {
    kind: "join",
    decision: null,
    code: CODE,
    requestedAt: "2026-11-22T10:03:03Z",
    remoteAddress: "192.0.2.7",
    expiredAt: null,
    clientKey: "aa",
    serverKey: "bb",
    decidedAt: null,
    decidedBy: null,
  },
};
const late = {
  ...candidate,
  approval: { ...candidate.approval, kind: "renewal", expiredAt: "2026-09-22T10:03:03Z" },
};

const NO_LINKS = {
  [`GET /api/v1/links?agent=${AGENT}`]: { body: { items: [] } },
  [`GET /api/v1/links/history?agent=${AGENT}`]: { body: { items: [] } },
};

test("the queue shows what each candidate waits for, from where, and its code", async () => {
  const answers = {
    "GET /api/v1/agents?state=pending": { body: { items: [candidate, late] } },
  };
  const { stdout } = await ask("agents list --state pending", answers);
  assert.match(stdout, /^ID +NAME +NAMESPACE +WAITS FOR +FROM +ASKED +CODE\n/);
  assert.match(stdout, /web-1 +default +join +192\.0\.2\.7 +12s ago +7Q2-0KX/);
  assert.match(stdout, /web-1 +default +renewal after 61d +192\.0\.2\.7 +12s ago +7Q2-0KX/);
  const none = await ask("agents list --state pending", {
    "GET /api/v1/agents?state=pending": { body: { items: [] } },
  });
  assert.equal(none.stdout, "No agent is pending.\n");
});

test("agents show lays a candidate out for whoever decides", async () => {
  const { stdout } = await ask(`agents show ${AGENT}`, {
    [`GET /api/v1/agents/${AGENT}`]: { body: late },
    ...NO_LINKS,
  });
  for (const line of [
    /^state +pending$/m,
    /^waits for +renewal after 61d$/m,
    /^code +7Q2-0KX-AAA-BBB-CCC-DDD-EEE-FFF$/m,
    /^from +192\.0\.2\.7$/m,
    /^certificate ended +2026-09-22T10:03:03Z \(61d ago\)$/m,
    /^client key +SHA-256 aa$/m,
    /^attributes +host\.name = web-1\.example$/m,
  ]) {
    assert.match(stdout, line);
  }
});

test("agents show says how a quarantined or replaced agent came to be so", async () => {
  const shown = async (change: object): Promise<string> => {
    const body = { ...candidate, approval: null, ...change };
    const page = { [`GET /api/v1/agents/${AGENT}`]: { body } };
    return (await ask(`agents show ${AGENT}`, { ...page, ...NO_LINKS })).stdout;
  };
  const quarantined = { state: "quarantined", quarantinedAt: "2026-11-22T10:03:03Z" };
  assert.match(
    await shown(quarantined),
    /^state +quarantined, since 2026-11-22T10:03:03Z \(12s ago\)$/m,
  );
  const replaced = { state: "revoked", replacedBy: OTHER };
  assert.match(await shown(replaced), new RegExp(`^state +revoked, replaced by ${OTHER}$`, "m"));
  const heir = { state: "active", replaces: [OTHER] };
  assert.match(await shown(heir), new RegExp(`^state +active, took the place of ${OTHER}$`, "m"));
  const twice = { state: "active", cloneSuspectedAt: "2026-11-22T10:03:03Z" };
  assert.match(await shown(twice), new RegExp(`tautline agents release ${AGENT}`));
});

test("an order to climb is sent with its level, and shown with how it went", async () => {
  const answers = { [`POST /api/v1/agents/${AGENT}/move`]: { status: 204 } };
  const ordered = await ask(`agents move ${AGENT} --level mtls`, answers);
  assert.deepEqual([ordered.code, ordered.seen.at(-1)?.body], [0, { level: "mtls" }]);
  assert.match(ordered.stdout, /is to climb to mtls; 'tautline agents show/);
  assert.equal((await ask(`agents move ${AGENT} --level none`, answers)).code, 2);
  assert.equal((await ask(`agents move ${AGENT}`, answers)).code, 2);
  const shown = async (move: object): Promise<string> => {
    const body = { ...candidate, state: "active", approval: null, move };
    const page = { [`GET /api/v1/agents/${AGENT}`]: { body } };
    return (await ask(`agents show ${AGENT}`, { ...page, ...NO_LINKS })).stdout;
  };
  const at = "2026-11-22T10:03:03Z";
  const failed = { level: "mtls", status: "failed", error: "agent.level_unreachable: no", at };
  assert.match(
    await shown(failed),
    /^ordered level +mtls: failed, agent\.level_unreachable: no, 2026-11-22T10:03:03Z \(12s ago\)$/m,
  );
  assert.doesNotMatch(
    await shown({ level: null, status: "unset", error: "", at: null }),
    /ordered/,
  );
});

test("approving sends the code that was typed, else the one that central shows now", async () => {
  const answers = {
    [`GET /api/v1/agents/${AGENT}`]: { body: candidate },
    [`POST /api/v1/agents/${AGENT}/approve`]: { status: 204 },
  };
  const plain = await ask(`agents approve ${AGENT}`, answers);
  assert.deepEqual([plain.code, plain.seen.at(-1)?.body], [0, { code: CODE }]);
  assert.match(plain.stdout, /is approved; its host goes on by itself/);
  const typed = await ask(`agents approve ${AGENT} --code abc`, answers);
  assert.deepEqual(typed.seen.at(-1)?.body, { code: "abc" });
  const settled = await ask(`agents approve ${AGENT} --json`, {
    ...answers,
    [`GET /api/v1/agents/${AGENT}`]: { body: { ...candidate, approval: null } },
  });
  assert.deepEqual(settled.seen.at(-1)?.body, {});
  assert.deepEqual(JSON.parse(settled.stdout), { id: AGENT, code: null });
});

for (const [verb, said] of [
  ["decline", /is declined; its host is told so/],
  ["quarantine", /is in quarantine; its links are closed/],
  ["release", /is released; it comes back by itself/],
  ["promote", /is told where to join; give its host a token/],
] as const) {
  test(`agents ${verb} asks nobody: it can be taken back; a name is not taken`, async () => {
    const answers = { [`POST /api/v1/agents/${AGENT}/${verb}`]: { status: 204 } };
    const done = await ask(`agents ${verb} ${AGENT}`, answers);
    assert.equal(done.code, 0);
    assert.match(done.stdout, said);
    const json = await ask(`agents ${verb} ${AGENT} --json`, answers);
    assert.deepEqual(JSON.parse(json.stdout), { id: AGENT });
    const named = await ask(`agents ${verb} web-1`, answers);
    assert.deepEqual([named.code, named.seen], [2, []]);
  });
}

test("deleting says what is still alive, changes nothing unasked, and confirms to central", async () => {
  const answers = {
    [`GET /api/v1/agents/${AGENT}`]: { body: { ...candidate, state: "active" } },
    [`DELETE /api/v1/agents/${AGENT}?force=true`]: { status: 204 },
  };
  const unsure = await ask(`agents delete ${AGENT}`, answers);
  assert.equal(unsure.code, 2);
  assert.match(unsure.stderr, /\(web-1\)\? It is active, and is revoked by this\./);
  assert.deepEqual(
    unsure.seen.map(({ line }) => line),
    [`GET /api/v1/agents/${AGENT}`],
  );
  const sure = await ask(`agents delete ${AGENT} --yes`, answers);
  assert.equal(sure.code, 0);
  assert.match(sure.stdout, /is deleted/);
  const over = await ask(`agents delete ${AGENT}`, {
    [`GET /api/v1/agents/${AGENT}`]: { body: { ...candidate, state: "revoked" } },
  });
  assert.doesNotMatch(over.stderr, /is revoked by this/);
});

test("an agent without an identity is shown as one, with its promotion, and may come again when it is deleted", async () => {
  const claimed = {
    ...candidate,
    approval: null,
    state: "unproven",
    token: "",
    joinedAt: "2026-11-22T10:03:03Z",
    promotion: { at: null, toldAt: null },
  };
  const at = "2026-11-22T10:03:03Z";
  const shown = async (promotion: object): Promise<string> => {
    const page = { [`GET /api/v1/agents/${AGENT}`]: { body: { ...claimed, promotion } } };
    return (await ask(`agents show ${AGENT}`, { ...page, ...NO_LINKS })).stdout;
  };
  const plain = await shown({ at: null, toldAt: null });
  assert.match(plain, /^state +unproven$/m);
  assert.match(plain, /^first seen +2026-11-22T10:03:03Z/m);
  assert.match(plain, /^identity +none: its id, its name/m);
  assert.match(plain, /^promoted +no$/m);
  assert.doesNotMatch(plain, /joined with token|certificate ends/);
  assert.match(await shown({ at, toldAt: null }), /^promoted .*, not told yet$/m);
  assert.match(await shown({ at, toldAt: at }), /^promoted .*, told 2026-11-22T10:03:03Z/m);
  const answers = {
    [`GET /api/v1/agents/${AGENT}`]: { body: claimed },
    [`DELETE /api/v1/agents/${AGENT}?force=true`]: { status: 204 },
  };
  const unsure = await ask(`agents delete ${AGENT}`, answers);
  assert.match(unsure.stderr, /It has no identity, and may come again\./);
  const sure = await ask(`agents delete ${AGENT} --yes`, answers);
  assert.match(sure.stdout, /is deleted; it may come again\./);
});

test("replacing names both, asks, and takes ids alone", async () => {
  const answers = { [`POST /api/v1/agents/${AGENT}/replace`]: { status: 204 } };
  const line = `agents replace ${AGENT} --with ${OTHER}`;
  const unsure = await ask(line, answers);
  assert.deepEqual([unsure.code, unsure.seen], [2, []]);
  const sure = await ask(`${line} --yes`, answers);
  assert.deepEqual([sure.code, sure.seen[0]?.body], [0, { with: OTHER }]);
  const alone = await ask(`agents replace ${AGENT} --yes`, answers);
  assert.deepEqual([alone.code, alone.seen], [2, []]);
  const named = await ask(`agents replace ${AGENT} --with web-2 --yes`, answers);
  assert.deepEqual([named.code, named.seen], [2, []]);
});

test("tokens create --approve asks central for it, and tells where the candidates are", async () => {
  const made = { id: "t1", token: "tautline1.abc", uses: 1, expiresAt: "2026-11-22T11:03:15Z" };
  const { seen, stderr } = await ask("tokens create --approve", {
    "POST /api/v1/tokens": { status: 201, body: made },
  });
  assert.deepEqual(seen[0]?.body, {
    namespace: "default",
    uses: 1,
    ttlMs: 3_600_000,
    approve: true,
  });
  assert.match(stderr, /tautline agents list --state pending/);
  const { stdout } = await ask("tokens list", {
    "GET /api/v1/tokens": { body: { items: [{ id: "t1", state: "open", approve: true }] } },
  });
  assert.match(stdout, /open, with approval/);
});
