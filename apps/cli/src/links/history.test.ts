import assert from "node:assert/strict";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { type Answers, runLine, withFakeCentral } from "../test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";

const ask = (line: string, answers: Answers) =>
  withTempFolder((folder) =>
    withFakeCentral(folder, answers, () => runLine(`${line} --data ${folder}`, folder)),
  );

const used = {
  agent: AGENT,
  name: "web-1",
  namespace: "default",
  kind: "control",
  component: "agent",
  level: "plaintext",
  protocol: null,
  cipher: null,
  group: null,
  pq: false,
  serverProven: false,
  clientProven: false,
  forwardSecret: false,
  credential: "none",
  refused: null,
  links: 12,
  days: 3,
  firstAt: "2026-11-19T09:03:15.123Z",
  lastAt: "2026-11-22T09:03:15.123Z",
  lastAddress: "192.0.2.7",
};
const refused = { ...used, level: "mtls", refused: "admission.agent_revoked", links: 2, days: 1 };
const HISTORY = "GET /api/v1/links/history";

test("QM-12: links history tells who still speaks plaintext, when last, and from where", async () => {
  const { code, stdout } = await ask("links history --level plaintext", {
    [`${HISTORY}?level=plaintext&limit=1000`]: { body: { items: [used] } },
  });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /web-1 +control +agent +plaintext +none +no +12 +3 +2026-11-19T09:03:15Z +2026-11-22T09:03:15Z +192\.0\.2\.7 +-/,
  );
});

test("links history: every filter reaches central, a duration as the begin of the period", async () => {
  const { stdout } = await ask(
    "links history --agent a --kind control --level mtls --namespace lab --since 24h --limit 7 --after b --json",
    {
      [`${HISTORY}?agent=a&kind=control&level=mtls&namespace=lab&since=2026-11-21T10%3A03%3A15.000Z&after=b&limit=7`]:
        { body: { items: [refused] } },
    },
  );
  assert.deepEqual(JSON.parse(stdout), { items: [refused] });
});

test("links history: says how to go on where there may be more", async () => {
  const answers = { [`${HISTORY}?limit=1`]: { body: { items: [used] } } };
  const { stdout, stderr } = await ask("links history --limit 1", answers);
  assert.match(stdout, /web-1/);
  assert.match(stderr, new RegExp(`--after ${AGENT}`));
  const all = await ask("links history", {
    [`${HISTORY}?limit=1000`]: { body: { items: [refused] } },
  });
  assert.match(all.stdout, /admission\.agent_revoked/);
  assert.equal(all.stderr, "");
});

test("links history and strangers: nothing seen says so", async () => {
  const empty = { body: { items: [] } };
  const none = await ask("links history", { [`${HISTORY}?limit=1000`]: empty });
  assert.match(none.stdout, /No such links were seen/);
  const nobody = await ask("links strangers", { "GET /api/v1/links/strangers": empty });
  assert.match(nobody.stdout, /Nobody unknown was refused/);
});

test("links strangers: networks, reasons and counts", async () => {
  const one = {
    network: "192.0.2.0/24",
    code: "enrolment.token_unknown",
    attempts: 2_000,
    firstAt: "2026-11-22T09:03:15Z",
    lastAt: "2026-11-22T10:03:15Z",
  };
  const { stdout } = await ask("links strangers --since 24h", {
    "GET /api/v1/links/strangers?since=2026-11-21T10%3A03%3A15.000Z": { body: { items: [one] } },
  });
  assert.match(stdout, /^192\.0\.2\.0\/24 +enrolment\.token_unknown +2000 +2026-11-22T09:03:15Z/m);
});

test("a period longer than time itself begins with it", async () => {
  const { code } = await ask("links history --since 36500d", {
    [`${HISTORY}?since=1970-01-01T00%3A00%3A00.000Z&limit=1000`]: { body: { items: [used] } },
  });
  assert.equal(code, 0);
});
