import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { describe, it } from "node:test";
import { decodeJoinToken, LIMITS } from "@tautline/protocol";
import {
  admin,
  type Answer,
  callAdmin,
  joinOver,
  openControl,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { described, messageOf } from "../control/fixture-messages.test.ts";

interface Items {
  readonly items: readonly Record<string, unknown>[];
}

/** Sends a body as it is. */
function sendRaw(
  { dataDir }: TestCentral,
  body: string | Uint8Array,
  contentType = "application/json",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: join(dataDir, "admin.sock"),
      method: "POST",
      path: "/api/v1/tokens",
      agent: false,
      headers: { "content-type": contentType },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const whole = Buffer.concat(chunks);
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: whole, text: whole.toString("utf8") });
      });
    });
    outgoing.end(body);
  });
}

const detailOf = ({ text }: Answer): string => (JSON.parse(text) as { detail: string }).detail;

describe("the API's answers", () => {
  it("tokens: made, listed without their secret, revoked", () =>
    withCentral(async (test) => {
      const made = await admin<Record<string, unknown>>(test, "POST", "/api/v1/tokens", {
        uses: 3,
      });
      assert.deepEqual(Object.keys(made).toSorted(), ["expiresAt", "id", "token", "uses"]);
      const token = decodeJoinToken(String(made["token"]));
      assert.deepEqual(token.addresses, [`127.0.0.1:${test.agentsPort}`]);
      const { items } = await admin<Items>(test, "GET", "/api/v1/tokens");
      assert.deepEqual([items[0]?.["id"], items[0]?.["state"]], [made["id"], "open"]);
      assert.equal(JSON.stringify(items).includes(String(made["token"])), false);
      await admin(test, "POST", `/api/v1/tokens/${String(made["id"])}/revoke`);
      const after = await admin<Items>(test, "GET", "/api/v1/tokens");
      assert.equal(after.items[0]?.["state"], "revoked");
    }));

  it("agents and links: rows as CLI.md lists them", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test, { name: "web-1" });
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const agents = await admin<Items>(test, "GET", "/api/v1/agents?namespace=default");
      assert.deepEqual(
        Object.keys(agents.items[0] ?? {}),
        "id,name,namespace,state,version,level,group,lastSeenAt,certificateExpiresAt,profile,cloneSuspectedAt,approval,clockOffsetSeconds,edge,offers,upgrade".split(
          ",",
        ),
      );
      const links = await admin<Items>(test, "GET", `/api/v1/links?kind=control&agent=${agent.id}`);
      const [row] = links.items;
      for (const key of "id,kind,agent,component,level,protocol,cipher,group,pq,serverProven,clientProven,peerSerial,keyId,since,verdict".split(
        ",",
      )) {
        assert.ok(row !== undefined && key in row, key);
      }
      assert.deepEqual(
        [row?.["level"], row?.["group"], row?.["pq"], row?.["clientProven"]],
        ["mtls", "X25519MLKEM768", true, true],
      );
      const one = await admin<Record<string, unknown>>(
        test,
        "GET",
        `/api/v1/links/${String(row?.["id"])}`,
      );
      assert.deepEqual(one, row);
    }));

  it("certificates, authorities, vault and trail", () =>
    withCentral(async (test) => {
      const { id } = await joinOver(test);
      const { items } = await admin<Items>(test, "GET", "/api/v1/certificates");
      assert.deepEqual(
        items.map((row) => `${String(row["agent"])} ${String(row["purpose"])}`).toSorted(),
        [`${id} client`, `${id} server`, "null server"].toSorted(),
      );
      const serial = String(items[0]?.["serial"]);
      const one = await admin<Record<string, string>>(
        test,
        "GET",
        `/api/v1/certificates/${serial}`,
      );
      assert.match(one["pem"] ?? "", /^-----BEGIN CERTIFICATE-----/);
      const authorities = await admin<Items>(test, "GET", "/api/v1/authorities");
      assert.deepEqual(authorities.items.map((row) => String(row["kind"])).toSorted(), [
        "agents",
        "root",
        "services",
      ]);
      const vault = await admin<Record<string, unknown>>(test, "GET", "/api/v1/vault");
      assert.deepEqual([vault["source"], vault["strength"]], ["key-file", "weak"]);
      assert.ok("finding" in vault);
      const trail = await admin<Items>(test, "GET", "/api/v1/audit?limit=2");
      assert.deepEqual(
        trail.items.map((row) => row["action"]),
        ["token.created", "agent.joined"],
      );
      const since = new Date(test.clock.now() + 1).toISOString();
      assert.deepEqual((await admin<Items>(test, "GET", `/api/v1/audit?since=${since}`)).items, []);
      const verdict = await admin<Record<string, unknown>>(test, "GET", "/api/v1/audit/verify");
      assert.equal(verdict["ok"], true);
    }));

  it("settings: put, listed, removed", () =>
    withCentral(async (test) => {
      const setting = { key: "agents.logLevel", value: "debug", namespace: "default" };
      await admin(test, "PUT", "/api/v1/settings", setting);
      await admin(test, "PUT", "/api/v1/settings", { ...setting, namespace: "" });
      const all = await admin<Items>(test, "GET", "/api/v1/settings");
      assert.equal(all.items.length, 2);
      const here = await admin<Items>(test, "GET", "/api/v1/settings?namespace=default");
      assert.deepEqual(here.items, [setting]);
      const query = "namespace=default&key=agents.logLevel";
      await admin(test, "DELETE", `/api/v1/settings?${query}`);
      assert.equal((await admin<Items>(test, "GET", "/api/v1/settings")).items.length, 1);
    }));

  it("namespaces: made once, shown with their agents", () =>
    withCentral(async (test) => {
      const made = await admin<Record<string, unknown>>(test, "POST", "/api/v1/namespaces", {
        name: "plant",
      });
      assert.deepEqual([made["name"], made["agents"]], ["plant", 0]);
      const again = await callAdmin(test, "POST", "/api/v1/namespaces", { name: "plant" });
      assert.equal(again.status, 409);
      const { items } = await admin<Items>(test, "GET", "/api/v1/namespaces");
      assert.deepEqual(
        items.map((row) => row["name"]),
        ["default", "plant"],
      );
    }));
});

interface Row {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
  readonly code: string;
  readonly says: RegExp;
}

function invalidOrder({ body }: { readonly body: unknown }, says: RegExp): Row {
  return { method: "POST", path: "/api/v1/tokens", body, status: 400, code: "api.invalid", says };
}

const orders: Row[] = [
  invalidOrder({ body: { uses: 0 } }, /: uses: /),
  invalidOrder({ body: { uses: 1.5 } }, /: uses: /),
  invalidOrder({ body: { uses: "1" } }, /: uses: /),
  invalidOrder({ body: { uses: 100_001 } }, /: uses: /),
  invalidOrder({ body: { ttlMs: 999 } }, /: ttlMs: /),
  invalidOrder({ body: { ttlMs: 30 * 24 * 3_600_000 + 1 } }, /: ttlMs: /),
  invalidOrder({ body: { namespace: "Plant" } }, /: namespace: it cannot be the name/),
  invalidOrder({ body: { namespace: "x".repeat(65) } }, /: namespace: /),
  invalidOrder({ body: { use: 1 } }, /: use: unknown field/),
  invalidOrder({ body: [] }, /: body: /),
  invalidOrder({ body: "x" }, /: body: /),
  invalidOrder({ body: null }, /: body: /),
];

describe("the API names what it refuses", () => {
  const rows: Row[] = [
    ...orders,
    {
      method: "POST",
      path: "/api/v1/tokens",
      body: { namespace: "plant" },
      status: 404,
      code: "api.not_found",
      says: /namespace 'plant'/,
    },
    {
      method: "POST",
      path: "/api/v1/namespaces",
      body: { name: "-x" },
      status: 400,
      code: "value.namespace",
      says: /'-x' cannot be/,
    },
    {
      method: "GET",
      path: "/api/v1/agents?namespace=nowhere",
      status: 404,
      code: "api.not_found",
      says: /namespace 'nowhere'/,
    },
    {
      method: "GET",
      path: "/api/v1/agents?namespaces=default",
      status: 400,
      code: "api.invalid",
      says: /: namespaces: unknown field/,
    },
    {
      method: "GET",
      path: "/api/v1/agents/not-an-id",
      status: 400,
      code: "value.agent_id",
      says: /'not-an-id'/,
    },
    {
      method: "GET",
      path: "/api/v1/agents/0190a000-0000-7000-8000-000000000001",
      status: 404,
      code: "api.not_found",
      says: /agent '0190a000/,
    },
    {
      method: "POST",
      path: "/api/v1/agents/0190a000-0000-7000-8000-000000000001/revoke",
      status: 404,
      code: "api.not_found",
      says: /agent '0190a000/,
    },
    {
      method: "POST",
      path: "/api/v1/tokens/nowhere/revoke",
      status: 404,
      code: "api.not_found",
      says: /token 'nowhere'/,
    },
    {
      method: "GET",
      path: "/api/v1/links/nowhere",
      status: 404,
      code: "api.not_found",
      says: /link 'nowhere'/,
    },
    {
      method: "GET",
      path: "/api/v1/certificates/xyz",
      status: 400,
      code: "api.invalid",
      says: /: serial: /,
    },
    {
      method: "GET",
      path: "/api/v1/certificates/00",
      status: 404,
      code: "api.not_found",
      says: /certificate '00'/,
    },
    {
      method: "GET",
      path: "/api/v1/namespaces/nowhere",
      status: 404,
      code: "api.not_found",
      says: /namespace 'nowhere'/,
    },
    {
      method: "PUT",
      path: "/api/v1/settings",
      body: { key: "agents.heartbeatSeconds", value: "4" },
      status: 400,
      code: "api.invalid",
      says: /agents\.heartbeatSeconds: .*5 to 3600/,
    },
    {
      method: "PUT",
      path: "/api/v1/settings",
      body: { key: "agents.heartbeatSeconds", value: 60 },
      status: 400,
      code: "api.invalid",
      says: /: value: /,
    },
    {
      method: "DELETE",
      path: "/api/v1/settings?key=agents.logLevel",
      status: 404,
      code: "api.not_found",
      says: /setting 'agents\.logLevel'/,
    },
    {
      method: "GET",
      path: "/api/v1/audit?limit=0",
      status: 400,
      code: "api.invalid",
      says: /: limit: /,
    },
    {
      method: "GET",
      path: "/api/v1/audit?since=yesterday",
      status: 400,
      code: "api.invalid",
      says: /: since: /,
    },
    { method: "GET", path: "/api/v1/nothing", status: 404, code: "api.no_route", says: /nothing/ },
    { method: "GET", path: "/api/v1/%zz", status: 404, code: "api.no_route", says: /nothing/ },
    { method: "PATCH", path: "/api/v1/tokens", status: 404, code: "api.no_route", says: /nothing/ },
  ];

  it("by field and reason, with a code and the right status, changing nothing", () =>
    withCentral(async (test) => {
      const before = await admin<Items>(test, "GET", "/api/v1/audit");
      for (const { method, path, body, status, code, says } of rows) {
        const about = `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)}`;
        const answer = await callAdmin(test, method, path, body);
        assert.equal(answer.status, status, `${about}: ${answer.text}`);
        assert.equal(problemCode(answer), code, about);
        assert.match(detailOf(answer), says, about);
        assert.doesNotMatch(detailOf(answer), /\.\.$/, about);
      }
      assert.deepEqual(await admin<Items>(test, "GET", "/api/v1/audit"), before);
    }));

  const bodies: { name: string; body: string | Uint8Array; status: number; code: string }[] = [
    {
      name: "JSON a hundred thousand levels deep",
      body: `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      status: 400,
      code: "value.json",
    },
    {
      name: "JSON one level too deep",
      body: `${"[".repeat(LIMITS.jsonDepth.value + 1)}${"]".repeat(LIMITS.jsonDepth.value + 1)}`,
      status: 400,
      code: "value.json",
    },
    {
      name: "A19: a key that reaches a prototype",
      body: '{"uses":1,"__proto__":{"polluted":true}}',
      status: 400,
      code: "value.json",
    },
    {
      name: "A19: one that hides it in an escape",
      body: '{"\\u005f_proto__":{"polluted":true}}',
      status: 400,
      code: "value.json",
    },
    {
      name: "A19: another way to a prototype",
      body: '{"constructor":{"prototype":{"polluted":true}}}',
      status: 400,
      code: "value.json",
    },
    { name: "a key twice", body: '{"uses":1,"uses":2}', status: 400, code: "value.json" },
    { name: "half a document", body: '{"uses":', status: 400, code: "value.json" },
    { name: "NaN", body: '{"uses":NaN}', status: 400, code: "value.json" },
    { name: "no UTF-8", body: Buffer.of(0x22, 0xff, 0x22), status: 400, code: "value.utf8" },
    { name: "nothing", body: "", status: 400, code: "value.json" },
    {
      name: "a byte too many",
      body: `"${"x".repeat(LIMITS.jsonBytes.value - 1)}"`,
      status: 413,
      code: "api.too_large",
    },
  ];
  for (const { name, body, status, code } of bodies) {
    it(`a body of ${name}`, () =>
      withCentral(async (test) => {
        const answer = await sendRaw(test, body);
        assert.equal(answer.status, status, answer.text);
        assert.equal(problemCode(answer), code);
        assert.equal("polluted" in {}, false);
        assert.deepEqual((await admin<Items>(test, "GET", "/api/v1/tokens")).items, []);
      }));
  }

  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    it(`a body of ${type}, which a page of another site could send`, () =>
      withCentral(async (test) => {
        const answer = await sendRaw(test, "{}", type);
        assert.equal(answer.status, 415);
        assert.equal(problemCode(answer), "api.unsupported_media");
      }));
  }
});
